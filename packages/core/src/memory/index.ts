/**
 * The outside world in memory: for tests, and for clusters that live in one process.
 *
 * @packageDocumentation
 */
export { ManualClock, seededRandom } from "./clock.ts";
export { MemoryStore, memoryStore } from "./store.ts";
export type { MemoryStoreOptions } from "./store.ts";
export { MemoryDatapath, memoryDatapath } from "./datapath.ts";
export type { MemoryDatapathOptions } from "./datapath.ts";
