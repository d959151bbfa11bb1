import { ManualClock } from "@netloom/core/memory";
import { cloudIpam, type CloudIpamTimes } from "@netloom/ipam-cloud";
import { awsLike, simCloud, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { Lives } from "./support/life.ts";

const SINGLE = { family: 4, prefix: 32, count: 1 } as const;

/** A node that begins to live in a cloud whose requests take their time. */
function nodeOf(latency: number, times: Partial<CloudIpamTimes> = {}) {
  const clock = new ManualClock(1_000_000);
  const sim = simCloud({ clock, latency, pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/27"] }] });
  const instance = sim.launch({ name: "node1", pool: "subnet-a" });
  const provider = awsLike(sim);
  const lives = new Lives(provider, {}, clock);
  const reported: unknown[] = [];
  const ipam = cloudIpam({ provider, instance, times, policy: { blocks: false } });
  const started = ipam.start({ ...lives.context, report: (error) => reported.push(error) });
  started.catch(() => undefined);
  return { clock, sim, lives, ipam, started, reported };
}

/** Leaves no address to anybody. @returns what others took */
function exhaust(sim: SimCloud): readonly string[] {
  const taken: string[] = [];
  try {
    for (;;) taken.push(...sim.network.take("subnet-a", SINGLE));
  } catch {
    return taken;
  }
}

describe("the start of a node", () => {
  it("fails at once where the account may not ask, and says what it may not", async () => {
    const { sim, lives, ipam, started } = nodeOf(100);
    sim.deny("DescribeNetworkInterfaces");
    await expect(lives.until(started, 20_000)).rejects.toMatchObject({
      code: "ERR_PERMISSION",
      message: expect.stringContaining("ec2:DescribeNetworkInterfaces") as string,
    });
    await ipam[Symbol.asyncDispose]();
  });

  it("waits for what may come, and reports what it waits for", async () => {
    const { sim, lives, ipam, started, reported } = nodeOf(100);
    const taken = exhaust(sim);
    await lives.pass(10_000);
    expect(reported).toMatchObject([{ code: "ERR_POOL_EXHAUSTED" }]);
    sim.network.release("subnet-a", taken);
    await lives.until(started, 90_000);
    await ipam[Symbol.asyncDispose]();
  });

  it("asks again soon where asking takes longer than a refusal counts", async () => {
    const { sim, lives, ipam, started } = nodeOf(2000, { retryAfter: 500 });
    const taken = exhaust(sim);
    await lives.pass(30_000);
    sim.network.release("subnet-a", taken);
    await lives.until(started, 30_000);
    expect(ipam.ranges().length).toBeGreaterThan(0);
    await ipam[Symbol.asyncDispose]();
  });
});
