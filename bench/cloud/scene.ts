import { VirtualClock } from "@netloom/cloud-planner";
import { simCloud, type SimCloud, type SimCloudOptions } from "@netloom/sim-cloud";

export const POOL = "subnet-a";
/** Of an instance: interfaces, and addresses or blocks of each, its own included. */
export const INTERFACES = 8;
export const SLOTS = 30;

export interface Scene {
  readonly clock: VirtualClock;
  readonly sim: SimCloud;
}

/** An EC2 with its throttles: half a second for each request, four until an interface is attached. */
export function makeScene(cidr: string, more: Partial<SimCloudOptions> = {}): Scene {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const pools = [{ id: POOL, cidrs: [cidr] }];
  const sim = simCloud({ clock, pools, latency: 500, attachTime: 4000, ...more });
  return { clock, sim };
}

export function isChange(action: string): boolean {
  return !action.startsWith("Describe");
}
