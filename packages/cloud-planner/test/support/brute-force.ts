import type { Lease } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { cloudIpam, type CloudNode } from "@netloom/ipam-cloud";
import { simCloud, type SimCloud } from "@netloom/sim-cloud";
import type { Planner } from "../../src/input.ts";
import { SHAPES } from "../../src/shapes.ts";
import { VirtualClock } from "../../src/twin/virtual-clock.ts";

/** Lives of one node until it counts as short of addresses. */
const LIVES = 4;

export interface Found {
  /** Nodes that got all their pods, before the first that did not. */
  readonly nodes: number;
  /** Its first pod without an address, from 1; 0 where the node itself got none. */
  readonly pod?: number;
}

/** Nodes come one after the other, with the real IPAM on a cloud in memory, until one does not get all its pods. */
export async function bruteForce(planner: Planner, most: number): Promise<Found> {
  const clock = new VirtualClock(1_000_000);
  const { interfaces, slots } = planner.nodes[0]!.limits;
  const pools = planner.subnets.map(({ cidr, ...subnet }) => ({ ...subnet, cidrs: [cidr] }));
  const { placement, seed } = planner;
  const types = { only: { interfaces, slots: { 4: slots[4]! } } };
  const sim = simCloud({ clock, seed, placement, throttles: [], pools, types });
  for (let count = 0; count < most; count++) {
    const pool = pools.toSorted((a, b) => sim.free(b.id, 4) - sim.free(a.id, 4))[0]!.id;
    if (sim.free(pool, 4) === 0) return { nodes: count, pod: 0 };
    const node = sim.launch({ name: `node${count}`, pool, type: "only" });
    const pod = await firstWithout(planner, sim, clock, node, count);
    if (pod !== undefined) return { nodes: count, pod };
  }
  return { nodes: most };
}

/** A node that was refused has figures that are old, so it lives again: as one that is started anew does. */
async function firstWithout(
  planner: Planner,
  sim: SimCloud,
  clock: VirtualClock,
  node: CloudNode,
  chance: number,
): Promise<number | undefined> {
  const runtime = { clock, random: seededRandom(chance) };
  const store = memoryStore({ runtime });
  const owners = Array.from({ length: planner.pods.perNode }, (_, index) => `pod${index}`);
  let leases: readonly Lease[] = [];
  let started = false;
  for (let life = 0; life < LIVES; life++) {
    const provider = SHAPES[planner.shape].provider(sim);
    const policy = { ...planner.policy, excessDelay: "keep" } as const;
    await using ipam = cloudIpam({ provider, instance: node, policy });
    const giveUp = new AbortController();
    const timer = clock.after(600_000, () => giveUp.abort(new Error("never ready")));
    const context = {
      node: node.name,
      podCIDRs: [],
      families: [4] as const,
      store,
      prefix: "test/",
      runtime,
    };
    const start = ipam.start(context, { signal: giveUp.signal });
    const ready = await clock.until(start.then(() => true).catch(() => false));
    timer.cancel();
    if (!ready) continue;
    started = true;
    await ipam.restore(leases.map((lease) => ({ ...lease, retired: false })));
    const asked = owners.map((owner) => ipam.allocate(owner, { families: [4] }));
    const settled = await clock.until(Promise.allSettled(asked));
    // Its warm addresses come meanwhile.
    await clock.pass(130_000);
    leases = settled.filter((one) => one.status === "fulfilled").map(({ value }) => value);
    if (leases.length === owners.length) return undefined;
  }
  return started ? leases.length + 1 : 0;
}
