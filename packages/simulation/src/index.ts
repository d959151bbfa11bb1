/**
 * A whole Netloom cluster in one process, from one seed: agents, operators, a store, datapaths, a virtual clock, faults,
 * and the laws that must hold whatever happens.
 *
 * @packageDocumentation
 */
export { createCluster } from "./cluster.ts";
export type { SimulatedCluster, SimulationReport } from "./cluster.ts";
export type {
  Backends,
  Invariant,
  InvariantView,
  ProcessContext,
  SimulatedClusterOptions,
} from "./options.ts";
export type { FaultRates } from "./kernel/rates.ts";
export type { PlannedAct, PlannedEvent } from "./plan/events.ts";
export { describeEvent } from "./plan/events.ts";
export { generatePlan } from "./plan/generate.ts";
export type { PlanOptions } from "./plan/generate.ts";
export { formatReport } from "./format.ts";
export { shrink } from "./shrink.ts";
export type { Shrunk } from "./shrink.ts";
export type { Violation } from "./invariants/invariant.ts";
export type { ToldError } from "./world.ts";
