/**
 * Netloom's vocabulary, ports, pure engines, agent and operator. No I/O: it runs in any JavaScript engine, and
 * everything of the outside comes in through {@link Store}, {@link Ipam}, {@link Routing}, {@link Datapath} and
 * {@link Runtime}.
 *
 * @packageDocumentation
 */

export * from "./address/index.ts";
export { ERROR_CODES, NetloomError, isNetloomError, messageOf } from "./errors.ts";
export type { ErrorCode, NetloomErrorOptions } from "./errors.ts";
export { TypedEmitter } from "./events.ts";
export type { Emits, EventMap, Listener, ListenerErrorHook } from "./events.ts";
export * from "./ipam/index.ts";
export * from "./labels/index.ts";
export { Lifecycle } from "./lifecycle.ts";
export type { Part, Status } from "./lifecycle.ts";
export type * from "./ports/index.ts";
export { systemClock, systemRandom, systemRuntime } from "./system/index.ts";
export { sleep } from "./time/sleep.ts";
