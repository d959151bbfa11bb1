/**
 * For authors of backends: the datapath's schema, and helpers that several backends need.
 *
 * @packageDocumentation
 */
export * from "../datapath/schema.generated.ts";
export { decode, encode } from "../datapath/mirror.ts";
export { cidrOption } from "../address/cidr-option.ts";
export { metricText } from "../datapath/words.ts";
export { isRace } from "../facts/race.ts";
export { follow } from "../facts/follow.ts";
export type { FollowOptions } from "../facts/follow.ts";
export { quietly } from "../identity/store-allocator.ts";
export { askPolicy } from "../policy/verdict.ts";
export type { KnownIdentity, PolicyLookup, PolicyQuestion, PolicyVerdict } from "../policy/verdict.ts";
export type { PolicyEntry } from "../policy/compile.ts";
export { rangeText } from "../ipam/range-text.ts";
export { ofFamily } from "../node/node.ts";
export { routeTableOf } from "../node/route-table.ts";
export { podInterfaces } from "../node/pod-interfaces.ts";
export { podMtu } from "../node/pod-mtu.ts";
export { podRanges } from "../node/pod-ranges.ts";
export type { PodRanges } from "../node/pod-ranges.ts";
export type { Claimant } from "../node/claimants.ts";
