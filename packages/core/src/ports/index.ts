/** Every seam of the system: what third parties implement. */
export type { Clock, Timer } from "./clock.ts";
export type * from "./datapath.ts";
export type { Identity, IdentityAllocator } from "./identity.ts";
export type * from "./ipam.ts";
export type { OperatorComponent, OperatorContext } from "./operator.ts";
export type { Random } from "./random.ts";
export type * from "./routing.ts";
export type { Runtime } from "./runtime.ts";
export type * from "./store.ts";
