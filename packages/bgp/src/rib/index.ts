/**
 * Routes of a BGP speaker: what peers told, the best of it, and what peers are to be told. No sockets, no timers.
 *
 * @packageDocumentation
 */

export { Rib, type RibCounts, type RibOptions, type RibPeerId } from "./rib.ts";
export type { RibPeer } from "./peer.ts";
export type { LocalEnd, PeerPolicies, PeerPolicy } from "./peer-state.ts";
export type { AdjOut } from "./adj-out.ts";

export type { Match, Policy, PrefixMatch, RouteChange, Statement } from "../api/policy.ts";
export {
  type CompiledPolicy,
  type CompiledStatement,
  compilePolicy,
  type RouteOrigin,
} from "./compile-policy.ts";
