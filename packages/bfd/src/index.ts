/**
 * Bidirectional Forwarding Detection (RFC 5880, RFC 5881): a neighbour's failure, seen in under a second.
 *
 * @example
 * import { createBfd } from "@netloom/bfd";
 *
 * using bfd = createBfd();
 * bfd.watch({ local: "192.0.2.1", remote: "192.0.2.2" }, (state, diagnostic) => console.log(state, diagnostic));
 *
 * @packageDocumentation
 */

export { createBfd } from "./bfd.ts";
export type { Bfd, BfdOptions, OnChange, SessionStatus, Watch, WatchOptions } from "./types.ts";
export { type FailureDetector, failureDetector } from "./failure-detector.ts";
export type { BfdSocket, OpenSocket } from "./ports.ts";
export { type Intervals, Session, type SessionOptions } from "./session.ts";
export {
  type ControlPacket,
  decodeControl,
  type Diagnostic,
  type Discarded,
  encodeControl,
  type State,
} from "./wire.ts";
export type { Clock, Random, Timer } from "./clock.ts";
