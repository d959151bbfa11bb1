/**
 * The outside world in memory: for tests, and for clusters that live in one process.
 *
 * @packageDocumentation
 */
export { ManualClock, seededRandom } from "./clock.ts";
export { MemoryStore, memoryStore } from "./store.ts";
export type { MemoryStoreOptions } from "./store.ts";
export { MemoryMaglev, MemoryMap, memoryMap, memoryMaps } from "./maps.ts";
export type { MemoryMapDefinition, MemoryMaps, MemoryMapSizes } from "./maps.ts";
export { MemoryDatapath, memoryDatapath } from "./datapath.ts";
export type { MemoryDatapathOptions } from "./datapath.ts";
