import { ManualClock } from "@netloom/core/memory";
import { awsLike, simCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { Lives } from "./support/life.ts";

const SINGLE = { family: 4, prefix: 32, count: 1 } as const;

async function nodeOf(cidr: string) {
  const clock = new ManualClock(1_000_000);
  const pools = [{ id: "subnet-a", cidrs: [cidr] }];
  const sim = simCloud({ clock, pools, latency: 500, attachTime: 4000 });
  const instance = sim.launch({ name: "node1", pool: "subnet-a" });
  const lives = new Lives(awsLike(sim), { instance, policy: { blocks: false } }, clock);
  const ipam = await lives.begin();
  await lives.pass(20_000);
  return { clock, sim, lives, ipam };
}

describe("pods that come one by one", () => {
  it("make no more interfaces than they need while these attach, and are all served", async () => {
    const { sim, lives, ipam } = await nodeOf("10.0.0.0/20");
    const before = sim.calls.length;
    const pods: Promise<unknown>[] = [];
    for (let pod = 0; pod < 100; pod++) {
      pods.push(ipam.allocate(`pod${pod}`, { families: [4] }));
      await lives.pass(1000);
    }
    await lives.until(Promise.all(pods));
    // 100 pods, the node's own address, and what is kept warm.
    expect(sim.interfaces.length).toBeLessThanOrEqual(Math.ceil((100 + 1 + 8) / 29));
    expect(sim.calls.length - before).toBeLessThanOrEqual(32);
    await ipam[Symbol.asyncDispose]();
  });
});

describe("a pool that others take from", () => {
  it("is counted anew where it refuses, and gives what it has", async () => {
    const { sim, lives, ipam } = await nodeOf("10.0.0.0/26");
    const others = Array.from({ length: 37 }, () => sim.network.take("subnet-a", SINGLE)).flat();
    const pods = Array.from({ length: 30 }, (_, pod) => ipam.allocate(`pod${pod}`, { families: [4] }));
    const settled = Promise.allSettled(pods);
    await lives.pass(70_000);
    const outcomes = await lives.until(settled);
    const served = outcomes.filter(({ status }) => status === "fulfilled").length;
    const left = sim.network.describe("subnet-a").freeAddresses?.[4];
    expect(served, "what there is is given").toBeGreaterThan(8);
    sim.network.release("subnet-a", others);
    const rest = Array.from({ length: 30 - served }, (_, pod) =>
      ipam.allocate(`late${pod}`, { families: [4] }),
    );
    await lives.until(Promise.all(rest), 120_000);
    expect(left).toBe(0);
    await ipam[Symbol.asyncDispose]();
  });
});
