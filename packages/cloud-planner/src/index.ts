/**
 * Plans for cloud subnets: when addresses or blocks run out, how fragmented they get, how many requests and seconds a rollout
 * takes, and what to reserve. No cloud is asked.
 *
 * @example
 * import { planRollout } from "@netloom/cloud-planner";
 *
 * const report = await planRollout({
 *   subnets: [{ id: "subnet-a", cidr: "10.0.0.0/18", occupied: 0.05 }],
 *   nodes: [{ count: 200, limits: { interfaces: 8, slots: { 4: 30 } } }],
 *   pods: { perNode: 30 },
 * });
 * if (!report.capacity.fits) console.log(report.capacity.out);
 *
 * @packageDocumentation
 */
export { planRollout } from "./plan-rollout.ts";
export type { NodeNeed, RolloutReport, SubnetFragmentation } from "./plan-rollout.ts";
export type {
  CloudShape,
  PlannerGrowth,
  PlannerInput,
  PlannerNodes,
  PlannerPods,
  PlannerSubnet,
  PlannerTimes,
} from "./input.ts";
export type { Capacity } from "./capacity.ts";
export type { OutOfAddresses } from "./fleet-ledger.ts";
export type { Floor } from "./floors.ts";
export type { Reservation } from "./reservation.ts";
export type { Rollout } from "./twin/rollout.ts";
export type { Stall } from "./twin/stalls.ts";
export { VirtualClock } from "./twin/virtual-clock.ts";
