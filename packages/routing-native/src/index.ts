/**
 * Native routing: pods of different nodes reach each other without a tunnel. Packets go out as they are, to neighbours by
 * routes that the datapath keeps, to all others by the fabric's.
 *
 * @example
 * import { createAgent } from "@netloom/core";
 * import { native } from "@netloom/routing-native";
 *
 * const agent = createAgent({ node, store, ipam, datapath, routing: native() });
 *
 * @packageDocumentation
 */
export { native } from "./native.ts";
export type { NativeOptions } from "./options.ts";
