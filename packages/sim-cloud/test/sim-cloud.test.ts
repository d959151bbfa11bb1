import { ManualClock } from "@netloom/core/memory";
import { describe, expect, it } from "vitest";
import { faultOf } from "@netloom/ipam-cloud";
import {
  awsLike,
  azureLike,
  gcpLike,
  simCloud,
  SimConnectionError,
  type SimCloudOptions,
} from "../src/index.ts";
import { callOf } from "./support/call.ts";

const POOLS = [{ id: "subnet-a", cidrs: ["10.0.0.0/24", "2001:db8::/64"] }];
const SINGLES = { family: 4, prefix: 32, count: 3 } as const;

function cloud(options: Partial<SimCloudOptions> = {}) {
  const clock = new ManualClock();
  const sim = simCloud({ pools: POOLS, clock, ...options });
  const node = sim.launch({ name: "node1", pool: "subnet-a", type: "small" });
  return { clock, sim, node, first: sim.interfaces[0]!.id };
}

const REQUEST = { pool: "subnet-a", securityGroups: ["default"], want: [SINGLES], index: 1 };

describe("SimCloud", () => {
  it("answers alike for the same seed", async () => {
    const answers = [7, 7, 8].map(async (seed) => {
      const { sim, node, first } = cloud({ seed });
      return awsLike(sim).assign({ node, interface: first, ...SINGLES }, callOf());
    });
    const [one, same, other] = await Promise.all(answers);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it("needs three requests for an interface with addresses, as EC2 does", async () => {
    const { sim, node } = cloud();
    await awsLike(sim).ensureInterface!({ node, ...REQUEST }, callOf("a"));
    expect(sim.calls.map(({ action, outcome }) => [action, outcome])).toEqual([
      ["CreateNetworkInterface", "done"],
      ["AttachNetworkInterface", "done"],
      ["ModifyNetworkInterfaceAttribute", "done"],
    ]);
    expect(sim.leaks()).toEqual([]);
  });

  it("says what is left behind by a client that dies between two requests", async () => {
    const { sim, node } = cloud();
    sim.hooks = { before: ({ action }) => (action.startsWith("Attach") ? new Promise(() => {}) : undefined) };
    void awsLike(sim).ensureInterface!({ node, ...REQUEST }, callOf("a"));
    await new Promise(setImmediate);
    expect(sim.leaks()).toEqual([{ interface: "eni-00000000000000002", intent: "a", why: "detached" }]);
    sim.hooks = { before: ({ action }) => (action.startsWith("Modify") ? new Promise(() => {}) : undefined) };
    void awsLike(sim).ensureInterface!({ node, ...REQUEST }, callOf("a"));
    await new Promise(setImmediate);
    expect(sim.leaks()).toEqual([{ interface: "eni-00000000000000002", intent: "a", why: "outlives" }]);
  });

  it("does what was asked even where its answer is lost", async () => {
    const { sim, node, first } = cloud();
    const provider = awsLike(sim);
    sim.hooks = {
      after: () => {
        throw new SimConnectionError("lost");
      },
    };
    const lost = provider.assign({ node, interface: first, ...SINGLES }, callOf());
    const error: unknown = await lost.catch((error: unknown) => error);
    expect(faultOf(provider, error)).toEqual({ kind: "ambiguous" });
    expect(sim.owners().size).toBe(4);
  });

  it("throttles each action by its own bucket", async () => {
    const throttles = [{ name: "reads", actions: ["DescribeNetworkInterfaces"], capacity: 2, perSecond: 1 }];
    const { sim, node, clock, first } = cloud({ throttles });
    const provider = awsLike(sim);
    const read = () => provider.readNode(node, callOf());
    await read();
    await read();
    const error: unknown = await read().catch((error: unknown) => error);
    expect(faultOf(provider, error)).toEqual({ kind: "throttled", bucket: "reads" });
    await provider.assign({ node, interface: first, ...SINGLES }, callOf());
    await clock.advance(1000);
    await read();
  });

  it("fills quotas of Google's kind at the whole minute", async () => {
    const throttles = [
      {
        name: "reads",
        actions: ["instances.get"],
        capacity: 1,
        perSecond: 1,
        refill: "each-minute",
      } as const,
    ];
    const { sim, node, clock } = cloud({ throttles });
    const provider = gcpLike(sim);
    await clock.advance(50_000);
    await provider.readNode(node, callOf());
    await clock.advance(9999);
    await expect(provider.readNode(node, callOf())).rejects.toThrow(/too many/);
    await clock.advance(1);
    await provider.readNode(node, callOf());
  });

  it("shows the past to readers as long as it lags, and the present to writers", async () => {
    const { sim, node, first } = cloud();
    const provider = awsLike(sim);
    sim.freeze();
    await provider.assign({ node, interface: first, ...SINGLES }, callOf());
    const addresses = async () => (await provider.readNode(node, callOf()))!.interfaces[0]!.addresses.length;
    expect(await addresses()).toBe(1);
    sim.thaw();
    expect(await addresses()).toBe(4);
  });

  it("has seen everything once the lag is over", async () => {
    const { sim, node, clock, first } = cloud({ lag: 1000 });
    const provider = awsLike(sim);
    await clock.advance(5000);
    await provider.assign({ node, interface: first, ...SINGLES }, callOf());
    const addresses = async () => (await provider.readNode(node, callOf()))!.interfaces[0]!.addresses.length;
    const seen = new Set<number>();
    for (let read = 0; read < 20; read++) {
      seen.add(await addresses());
      await clock.advance(20);
    }
    expect(seen).toEqual(new Set([1, 4]));
    await clock.advance(1000);
    expect(await addresses()).toBe(4);
  });

  it("attaches and detaches in its time", async () => {
    const { sim, node, clock } = cloud({ attachTime: 1500, detachTime: 500 });
    const provider = awsLike(sim);
    const state = async () => (await provider.readNode(node, callOf()))!.interfaces[1]?.state;
    const made = await provider.ensureInterface!({ node, ...REQUEST }, callOf("a"));
    // Whoever made it need not wait for it.
    expect(made.state).toBe("attaching");
    expect(sim.calls).toHaveLength(3);
    await clock.advance(1499);
    expect(await state()).toBe("attaching");
    await clock.advance(1);
    expect(await state()).toBe("attached");
    const removed = provider.removeInterface!({ node, interface: made.id }, callOf("b"));
    await clock.advance(499);
    expect(await state()).toBe("detaching");
    await clock.advance(1000);
    await removed;
    expect(sim.interfaces.map((one) => one.id)).not.toContain(made.id);
  });

  it("answers an operation that fails with its error in the body", async () => {
    const { sim, node, first } = cloud();
    const provider = azureLike(sim);
    sim.failNextOperation();
    await expect(provider.assign({ node, interface: first, ...SINGLES }, callOf())).rejects.toThrow(
      /internal/,
    );
    expect(sim.calls.map(({ outcome }) => outcome)).toEqual(["done", "done", "done"]);
    expect(sim.owners().size).toBe(1);
  });

  it.each([
    ["aws-like", awsLike, 1],
    ["azure-like", azureLike, 3],
    ["gcp-like", gcpLike, 3],
  ] as const)("takes the requests it should where %s assigns exactly", async (_, shape, requests) => {
    const { sim, node, first } = cloud();
    const call = callOf();
    const exact = ["10.0.0.77/32"];
    await shape(sim).assign({ node, interface: first, family: 4, prefix: 32, count: 1, exact }, call);
    expect(call.actions).toHaveLength(requests);
    expect(sim.owners().get("10.0.0.77/32")).toEqual({ interface: first, instance: node.instance });
  });

  it("leaves what does not go with its instance", () => {
    const { sim, node, first } = cloud();
    sim.world.setDeleteWithInstance(first, false);
    sim.terminate(node.instance);
    expect(sim.leaks()).toEqual([{ interface: first, why: "detached" }]);
  });
});
