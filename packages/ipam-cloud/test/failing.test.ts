import { ManualClock } from "@netloom/core/memory";
import type { CloudIpam, CloudNode, CloudPolicyOptions } from "@netloom/ipam-cloud";
import { awsLike, Refusal, simCloud, type SimCall, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { Lives } from "./support/life.ts";

const POLICY: CloudPolicyOptions = { blocks: false, excessDelay: 10_000 };

interface World {
  readonly sim: SimCloud;
  /** Refuses those requests from now on. */
  readonly refuse: (why: "unavailable" | "throttled" | "denied", which: (call: SimCall) => boolean) => void;
  readonly launch: (name: string) => readonly [Lives<ReturnType<typeof awsLike>>, CloudNode];
}

/** An account with two subnets of one zone, and nodes in the first of them. */
function world(): World {
  const clock = new ManualClock(1_000_000);
  const pools = [
    { id: "subnet-a", cidrs: ["10.0.0.0/20"], routeDomain: "r" },
    { id: "subnet-b", cidrs: ["10.0.16.0/20"], routeDomain: "r" },
  ];
  const sim = simCloud({ clock, pools, latency: 100, attachTime: 1000 });
  return {
    sim,
    refuse(why, which) {
      sim.hooks = {
        before(call) {
          if (which(call)) throw new Refusal(why, call.action, `${call.action} is refused`);
        },
      };
    },
    launch(name) {
      const instance = sim.launch({ name, pool: "subnet-a" });
      return [new Lives(awsLike(sim), { instance, policy: POLICY }, clock), instance];
    },
  };
}

/** How many of so many pods have an address when so many milliseconds have passed. */
async function served(
  lives: ReturnType<World["launch"]>[0],
  ipam: CloudIpam,
  pods: number,
  milliseconds: number,
): Promise<number> {
  let count = 0;
  for (let index = 0; index < pods; index++) {
    const count1 = (): void => void count++;
    ipam.allocate(`late${index}`, { families: [4] }).then(count1, () => undefined);
  }
  await lives.pass(milliseconds);
  return count;
}

async function release(
  lives: ReturnType<World["launch"]>[0],
  ipam: CloudIpam,
  leases: Awaited<ReturnType<Lives<never>["allocate"]>>,
): Promise<void> {
  for (const lease of leases) await ipam.release(lease);
  await lives.pass(15_000);
}

describe("what fails slows what depends on it alone:", () => {
  it("one node that cannot be read stops no other of its account", async () => {
    const { refuse, launch } = world();
    const [bad, broken] = launch("bad");
    const [good] = launch("good");
    refuse("unavailable", ({ subject }) => subject === broken.instance);
    const stop = new AbortController();
    const starting = bad.begin().catch((error: unknown) => error);
    const ipam = await good.begin();
    const began = good.clock.monotonic();
    expect((await good.allocate(ipam, 100)).length).toBe(100);
    expect(good.clock.monotonic() - began).toBeLessThan(8000);
    refuse("unavailable", () => false);
    const late = await good.until(starting);
    expect(late).not.toBeInstanceOf(Error);
    stop.abort();
    await ipam[Symbol.asyncDispose]();
    await (late as CloudIpam)[Symbol.asyncDispose]();
  });

  it("a subnet in which no interface can be made is left for another", async () => {
    const { sim, refuse, launch } = world();
    const [lives] = launch("node");
    const ipam = await lives.begin();
    refuse("unavailable", ({ action, subject }) => action.startsWith("Create") && subject === "subnet-a");
    expect(await served(lives, ipam, 60, 20_000)).toBe(60);
    expect(sim.interfaces.map(({ pool }) => pool)).toContain("subnet-b");
    await lives.pass(700_000);
    expect(sim.leaks()).toEqual([]);
    await ipam[Symbol.asyncDispose]();
  });

  it.each(["throttled", "denied", "unavailable"] as const)(
    "where interfaces cannot be attached (%s), those there are are filled",
    async (why) => {
      const { refuse, launch } = world();
      const [lives] = launch("node");
      const ipam = await lives.begin();
      refuse(why, ({ action }) => action.startsWith("Attach"));
      // 29, and the first is the node's own.
      expect(await served(lives, ipam, 60, 5000)).toBe(28);
      await ipam[Symbol.asyncDispose]();
    },
  );

  it.each(["throttled", "denied", "unavailable"] as const)(
    "where interfaces cannot be removed (%s), pods get addresses still",
    async (why) => {
      const { refuse, launch } = world();
      const [lives] = launch("node");
      const ipam = await lives.begin();
      const leases = await lives.allocate(ipam, 60);
      refuse(why, ({ action }) => action.startsWith("Detach"));
      await release(lives, ipam, leases);
      expect(await served(lives, ipam, 60, 8000)).toBe(60);
      await ipam[Symbol.asyncDispose]();
    },
  );

  it("where the account may not give back addresses, pods get others still", async () => {
    const { refuse, launch } = world();
    const [lives] = launch("node");
    const ipam = await lives.begin();
    const leases = await lives.allocate(ipam, 20);
    refuse("denied", ({ action }) => action.startsWith("Unassign"));
    await release(lives, ipam, leases);
    expect(await served(lives, ipam, 60, 8000)).toBe(60);
    await ipam[Symbol.asyncDispose]();
  });
});
