import { planRollout, type PlannerInput } from "@netloom/cloud-planner";
import { describe, expect, it } from "vitest";

const LARGE = { interfaces: 8, slots: { 4: 30 } };

function input(more: Partial<PlannerInput> = {}): PlannerInput {
  return {
    subnets: [{ id: "subnet-a", cidr: "10.0.0.0/20" }],
    nodes: [{ count: 20, limits: LARGE }],
    pods: { perNode: 30 },
    ...more,
  };
}

describe("planRollout", () => {
  it("says the same of the same", async () => {
    expect(await planRollout(input())).toEqual(await planRollout(input()));
  });

  it("counts what one node takes: whole blocks, or single addresses on as many interfaces as these need", async () => {
    const { need } = await planRollout(input({ rollout: false }));
    // 30 pods, the node itself and 8 to spare are 39 addresses.
    expect(need).toMatchObject([{ interfaces: 1, blocks: 3, singles: 1, mostPods: 8 * 29 * 16 - 1 }]);
    const singles = await planRollout(input({ rollout: false, policy: { blocks: false } }));
    expect(singles.need).toMatchObject([{ interfaces: 2, blocks: 0, singles: 41, mostPods: 8 * 29 - 1 }]);
    expect(singles).not.toHaveProperty("reserved");
  });

  it("tells a node that is too small from a subnet that is", async () => {
    const nodes = [{ count: 2, limits: { interfaces: 2, slots: { 4: 5 } } }];
    const { need, capacity } = await planRollout(input({ nodes, rollout: false, policy: { blocks: false } }));
    expect(need[0]).toMatchObject({ mostPods: 7, limit: "node-interfaces" });
    expect(capacity).toMatchObject({ fits: false, out: { node: 1, pod: 8, why: "node-interfaces" } });
  });

  it("finds the day on which addresses run out, later where growth is slower, and none without", async () => {
    const day = async (podsPerNode: number): Promise<number | undefined> => {
      const { capacity } = await planRollout(input({ rollout: false, growth: { podsPerNode } }));
      return capacity.days;
    };
    const [fast, slow] = [await day(10), await day(1)];
    expect(fast).toBeGreaterThan(0);
    expect(slow).toBeGreaterThan(fast!);
    expect(await day(0)).toBeUndefined();
  });

  it("keeps zones apart", async () => {
    const subnets = [
      { id: "subnet-a", cidr: "10.0.0.0/20", zone: "a" },
      { id: "subnet-b", cidr: "10.0.16.0/26", zone: "b" },
    ];
    const nodes = ["a", "b"].map((zone) => ({ count: 5, zone, limits: LARGE }));
    const { capacity } = await planRollout(input({ subnets, nodes, rollout: false }));
    expect(capacity.fits).toBe(false);
    expect(capacity.out).toMatchObject({ zone: "b" });
    await expect(
      planRollout(input({ subnets, nodes: [{ count: 1, zone: "c", limits: LARGE }] })),
    ).rejects.toMatchObject({ code: "ERR_OPTIONS_INVALID" });
  });

  it("plays the rollout within the throttles: no sooner than the slowest bucket lets it", async () => {
    const throttles = [
      { name: "AttachNetworkInterface", actions: ["AttachNetworkInterface"], capacity: 5, perSecond: 0.5 },
    ];
    const { rollout } = await planRollout(input({ throttles, policy: { blocks: false } }));
    const { calls, seconds, stalls, floors, unserved, refused } = rollout!;
    expect([unserved, refused]).toEqual([0, 0]);
    expect(calls["AttachNetworkInterface"]).toBe(20);
    expect(floors[0]).toEqual({ bucket: "AttachNetworkInterface", requests: 20, seconds: 30 });
    expect(seconds).toBeGreaterThanOrEqual(30);
    expect(stalls[0]).toMatchObject({ action: "AttachNetworkInterface", requests: 15 });
    expect(stalls[0]!.node).toBeGreaterThan(1);
  });

  it("has nodes that share nothing refused, and served all the same", async () => {
    const throttles = [
      { name: "AssignPrivateIpAddresses", actions: ["AssignPrivateIpAddresses"], capacity: 5, perSecond: 1 },
    ];
    const { rollout } = await planRollout(input({ throttles, budget: "node" }));
    expect(rollout!.refused).toBeGreaterThan(0);
    expect(rollout!.unserved).toBe(0);
    expect(rollout!.stalls[0]).toMatchObject({ action: "AssignPrivateIpAddresses" });
  });

  it("plays a rollout onto nodes that have pods already: only what is new takes requests", async () => {
    const fresh = await planRollout(input({ policy: { blocks: false } }));
    const pods = { perNode: 30, now: 25 };
    const { rollout } = await planRollout(input({ policy: { blocks: false }, pods }));
    const sum = (calls: Readonly<Record<string, number>>): number =>
      Object.values(calls).reduce((total, count) => total + count, 0);
    expect(rollout!.unserved).toBe(0);
    expect(sum(rollout!.calls)).toBeLessThan(sum(fresh.rollout!.calls) / 2);
  });

  it("plays as many nodes as there is room for", async () => {
    const subnets = [{ id: "subnet-a", cidr: "10.0.0.0/24" }];
    const { capacity, rollout } = await planRollout(input({ subnets, policy: { blocks: false } }));
    expect(capacity.fits).toBe(false);
    expect(rollout).toMatchObject({ nodes: capacity.nodes, unserved: 0 });
  });

  it.each([
    undefined,
    {},
    { ...input(), subnets: undefined },
    { ...input(), subnets: [] },
    { ...input(), subnets: [5] },
    { ...input(), subnets: [{ id: "a" }] },
    { ...input(), nodes: [] },
    { ...input(), nodes: [{ count: 1 }] },
    { ...input(), nodes: [{ count: 1, limits: { interfaces: 2 } }] },
    { ...input(), pods: undefined },
    { ...input(), pods: {} },
    { ...input(), shape: "x" },
    { ...input(), placement: "x" },
    { ...input(), budget: "x" },
    { ...input(), rollout: "yes" },
    { ...input(), seed: Number.NaN },
    { ...input(), seed: "a" },
    { ...input(), growth: 5 },
    { ...input(), times: 5 },
    { ...input(), policy: 5 },
    { ...input(), policy: { maxAllocate: 0 } },
    { ...input(), throttles: 5 },
    { ...input(), throttles: [{ name: "more", capacity: 1, perSecond: 1 }] },
  ])("takes no input that is %j", async (wrong) => {
    await expect(planRollout(wrong as PlannerInput)).rejects.toMatchObject({
      code: "ERR_OPTIONS_INVALID",
      remedy: expect.any(String) as string,
    });
  });
});
