/**
 * A BGP-4 speaker: RFC 4271 and what came after it.
 *
 * @packageDocumentation
 */
export { systemClock } from "./clock.ts";
export type { Clock, Random, Timer } from "./clock.ts";
export { BgpError } from "./errors.ts";
export type { BgpErrorCode, BgpErrorOptions, Notification } from "./errors.ts";
export type * from "./api/policy.ts";
export { createSpeaker } from "./speaker/speaker.ts";
export type * from "./api/config.ts";
export type { SpeakerDependencies } from "./speaker/deps.ts";
export type { FailureDetector, WatchedPath } from "./speaker/failure-detector.ts";
export type { MonitoredSession, SessionMonitor } from "./speaker/monitor.ts";
export type * from "./api/local-route.ts";
export type * from "./api/status.ts";
export type { Down } from "./session/handler.ts";
export type { FsmEventKind } from "./session/fsm.ts";
export type { Opens } from "./session/machine.ts";
export type * from "./speaker/types.ts";
export { memoryNetwork } from "./transport/memory.ts";
export type { MemoryNetwork, MemoryNetworkOptions } from "./transport/memory.ts";
export { tcp } from "./transport/tcp.ts";
export type { TcpOptions } from "./transport/tcp.ts";
export type * from "./transport/transport.ts";
export type * from "./wire/attributes.ts";
export type { Family } from "./wire/family.ts";
export type { AttributeFault } from "./wire/update.ts";
