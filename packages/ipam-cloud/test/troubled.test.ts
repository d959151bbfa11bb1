import { ManualClock } from "@netloom/core/memory";
import { CloudError, cloudIpam, type CloudProvider } from "@netloom/ipam-cloud";
import { awsLike, simCloud, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { Lives } from "./support/life.ts";

const SINGLE = { family: 4, prefix: 32, count: 1 } as const;

async function nodeOf(wrap: (provider: CloudProvider, sim: SimCloud) => CloudProvider = (one) => one) {
  const clock = new ManualClock(1_000_000);
  const wall = { ahead: 0 };
  const sim = simCloud({ clock, latency: 100, pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/24"] }] });
  const instance = sim.launch({ name: "node1", pool: "subnet-a" });
  const provider = wrap(awsLike(sim), sim);
  const lives = new Lives(provider, {}, clock);
  const reported: Error[] = [];
  const ipam = cloudIpam({ provider, instance, policy: { blocks: false } });
  const context = {
    ...lives.context,
    // A clock that somebody can set.
    runtime: {
      ...lives.context.runtime,
      clock: {
        now: () => clock.now() + wall.ahead,
        monotonic: () => clock.monotonic(),
        after: (milliseconds: number, callback: () => void) => clock.after(milliseconds, callback),
      },
    },
    report: (error: unknown) => void reported.push(error as Error),
  };
  await lives.until(ipam.start(context));
  await ipam.restore([]);
  await lives.pass(20_000);
  return { wall, sim, lives, ipam, reported };
}

/** The provider, with one of its methods another. */
function changed(provider: CloudProvider, change: Partial<CloudProvider>): CloudProvider {
  return new Proxy(provider, {
    get(target, name) {
      const own: unknown = change[name as keyof CloudProvider];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

describe("a node in a cloud that has troubles", () => {
  it("goes on as soon as a clock that was wrong is set right", async () => {
    let skewed = false;
    const { wall, lives, ipam } = await nodeOf((provider) =>
      changed(provider, {
        assign: async (request, call) => {
          if (skewed) throw new CloudError({ kind: "credentials", why: "clock-skew" }, "signed too late");
          return provider.assign(request, call);
        },
      }),
    );
    wall.ahead = 2 * 3_600_000;
    skewed = true;
    await expect(lives.allocate(ipam, 20)).rejects.toMatchObject({ code: "ERR_IPAM_EXHAUSTED" });
    wall.ahead = 0;
    skewed = false;
    await lives.pass(90_000);
    expect(await lives.allocate(ipam, 20, "late")).toHaveLength(20);
    await lives.until(Promise.resolve(ipam[Symbol.asyncDispose]()));
  });

  it("says that an interface does not get ready, and makes do with others", async () => {
    let stuck: string | undefined;
    const { sim, lives, ipam, reported } = await nodeOf((provider) =>
      changed(provider, {
        ensureInterface: async (request, call) => {
          const made = await provider.ensureInterface!(request, call);
          stuck ??= made.id;
          return made.id === stuck ? { ...made, state: "attaching" } : made;
        },
        readNode: async (node, call) => {
          const read = await provider.readNode(node, call);
          const interfaces = (read?.interfaces ?? []).map((one) =>
            one.id === stuck ? ({ ...one, state: "attaching" } as const) : one,
          );
          return read && { ...read, interfaces };
        },
      }),
    );
    const first = Promise.allSettled(
      Array.from({ length: 25 }, (_, pod) => ipam.allocate(`pod${pod}`, { families: [4] })),
    );
    await lives.pass(70_000);
    const more = Array.from({ length: 10 }, (_, pod) => ipam.allocate(`more${pod}`, { families: [4] }));
    expect(await lives.until(Promise.all(more))).toHaveLength(10);
    expect((await first).length).toBe(25);
    expect(reported.map(({ message }) => message)).toContainEqual(
      expect.stringContaining(`interface ${stuck!} of`),
    );
    expect(sim.interfaces.length).toBeGreaterThan(2);
    const before = sim.calls.length;
    await lives.pass(600_000);
    expect(sim.calls.length - before, "and does not look for it all the time").toBeLessThan(20);
    await lives.until(Promise.resolve(ipam[Symbol.asyncDispose]()));
  });

  it("takes what it can of pools that it knows, though nobody can list them", async () => {
    let lists = true;
    const { sim, lives, ipam, reported } = await nodeOf((provider) =>
      changed(provider, {
        pools(node, call) {
          if (lists) return provider.pools(node, call);
          throw new CloudError({ kind: "denied", action: "ec2:DescribeSubnets" }, "not allowed");
        },
      }),
    );
    lists = false;
    // One refusal, after which the pools are counted anew.
    sim.hooks = {
      before({ action }) {
        if (action !== "AssignPrivateIpAddresses") return;
        sim.hooks = {};
        throw new CloudError({ kind: "exhausted", what: "pool-addresses", id: "subnet-a" }, "none left");
      },
    };
    await Promise.allSettled([lives.allocate(ipam, 12)]);
    await lives.pass(90_000);
    expect(await lives.allocate(ipam, 12, "late")).toHaveLength(12);
    expect(reported.map(({ message }) => message).join()).toContain("ec2:DescribeSubnets");
    expect(sim.network.take("subnet-a", SINGLE)).toHaveLength(1);
    await lives.until(Promise.resolve(ipam[Symbol.asyncDispose]()));
  });
});
