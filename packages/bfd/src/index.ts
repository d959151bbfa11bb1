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

export {
  type Bfd,
  type BfdOptions,
  createBfd,
  type OnChange,
  type SessionStatus,
  type Watch,
  type WatchOptions,
} from "./bfd.ts";
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
