import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cloudPolicy,
  plan,
  type CloudCapabilities,
  type CloudPolicy,
  type Plan,
  type Setback,
} from "@netloom/ipam-cloud";
import { sizeOfCidr, ToyCloud } from "./support/toy-cloud.ts";

const capabilities: CloudCapabilities = {
  families: [4, 6],
  interfaces: "dynamic",
  singles: [4, 6],
  blocks: {},
  exact: false,
  release: true,
  throttles: [],
};
const limits = { interfaces: 8, slots: { 4: 30, 6: 30 } };
const singles = cloudPolicy({ blocks: false });

function planFor(
  cloud: ToyCloud,
  policy: CloudPolicy,
  waiting: number,
  setbacks: readonly Setback[] = [],
  now = 1e9,
): Plan {
  const { inventory, pools } = cloud;
  const demand = cloud.demand({ 4: waiting });
  return plan({
    inventory,
    limits: cloud.limits,
    pools,
    demand,
    policy,
    capabilities: cloud.capabilities,
    families: [4],
    setbacks,
    now,
  });
}

/** Plans and carries out until there is nothing to do. @returns how many actions it took */
function settle(cloud: ToyCloud, policy: CloudPolicy, waiting: number): number {
  let actions = 0;
  for (let round = 0; round < 20; round++) {
    const next = planFor(cloud, policy, waiting);
    if (next.actions.length === 0) return actions;
    for (const action of next.actions) cloud.carryOut(action);
    actions += next.actions.length;
  }
  throw new Error("it never comes to rest");
}

describe("plan", () => {
  it("serves 100 waiting pods with one assignment and three interfaces", () => {
    const cloud = new ToyCloud(limits, capabilities, { 4: 1000, 6: 0 });
    const { actions } = planFor(cloud, singles, 100);
    expect(actions.map(({ do: what }) => what)).toEqual([
      "assign",
      ...Array<string>(3).fill("add-interface"),
    ]);
    expect(new Set(actions.flatMap((one) => (one.do === "add-interface" ? [one.index] : []))).size).toBe(3);
  });

  it("serves them with one assignment of blocks", () => {
    const blocks = { ...capabilities, blocks: { 4: 28 } };
    const cloud = new ToyCloud(limits, blocks, { 4: 1000, 6: 0 });
    expect(planFor(cloud, cloudPolicy(), 100).actions).toEqual([
      { do: "assign", interface: "eni-0", family: 4, prefix: 28, count: 7 },
    ]);
  });

  it("falls back to single addresses where the pool has no blocks, and comes back to blocks", () => {
    const blocks = { ...capabilities, blocks: { 4: 28 } };
    const cloud = new ToyCloud(limits, blocks, { 4: 1000, 6: 0 });
    const policy = cloudPolicy();
    const setback = { what: "pool-blocks", id: "p", until: 2e9 } as const;
    const fallback = planFor(cloud, policy, 4, [setback]);
    expect(fallback.actions).toEqual([
      { do: "assign", interface: "eni-0", family: 4, prefix: 32, count: 12 },
    ]);
    for (const action of fallback.actions) cloud.carryOut(action);
    cloud.place(4, 12);
    expect(planFor(cloud, policy, 0, [{ ...setback, until: 1 }]).actions).toEqual([
      { do: "assign", interface: "eni-0", family: 4, prefix: 28, count: 1 },
    ]);
    for (const action of planFor(cloud, policy, 0).actions) cloud.carryOut(action);
    cloud.remove(4, 12);
    // The single addresses go, the block stays.
    settle(cloud, policy, 0);
    expect(cloud.cidrs(4).map(sizeOfCidr)).toEqual([16]);
  });

  it("tries another pool before it degrades to single addresses", () => {
    const blocks = { ...capabilities, blocks: { 4: 28 } };
    const cloud = new ToyCloud(limits, blocks, { 4: 1000, 6: 0 });
    const [pool] = cloud.pools;
    const other = { ...pool!, id: "q" };
    const { inventory } = cloud;
    const { actions } = plan({
      inventory,
      limits,
      pools: [{ ...pool!, freeBlocks: { 4: 0 } }, other],
      demand: cloud.demand({ 4: 4 }),
      policy: cloudPolicy(),
      capabilities: blocks,
      families: [4],
      setbacks: [],
      now: 0,
    });
    expect(actions).toEqual([
      { do: "add-interface", pool: "q", index: 0, want: [{ family: 4, prefix: 28, count: 1 }] },
    ]);
  });

  it("takes single addresses for a new interface where fewest blocks are left", () => {
    const cloud = new ToyCloud({ interfaces: 2, slots: { 4: 3 } }, capabilities, { 4: 1000, 6: 0 });
    const pool = (id: string, freeAddresses: number, freeBlocks: number): object => ({
      ...cloud.pools[0]!,
      id,
      freeAddresses: { 4: freeAddresses },
      freeBlocks: { 4: freeBlocks },
    });
    const { actions } = plan({
      inventory: cloud.inventory,
      limits: cloud.limits,
      pools: [pool("whole", 900, 50), pool("broken", 300, 0), pool("full", 1, 0)] as never,
      demand: cloud.demand({}),
      policy: singles,
      capabilities,
      families: [4],
      setbacks: [],
      now: 0,
    });
    expect(actions).toMatchObject([{ do: "add-interface", pool: "broken" }]);
  });

  it("takes some to spare with those it needs, but no interface for them", () => {
    const taken = (slots: number): number => {
      const cloud = new ToyCloud({ interfaces: 4, slots: { 4: slots } }, capabilities, { 4: 1000, 6: 0 });
      settle(cloud, cloudPolicy({ blocks: false, maxAboveWatermark: 4 }), 0);
      return cloud.cidrs(4).length;
    };
    expect(taken(30)).toBe(8 + 4);
    expect(taken(12)).toBe(11);
  });

  it("removes an interface that nobody needs, and no other", () => {
    const cloud = new ToyCloud(limits, capabilities, { 4: 1000, 6: 0 });
    settle(cloud, singles, 50);
    cloud.place(4, 50);
    settle(cloud, singles, 0);
    expect(cloud.inventory.interfaces.length).toBe(2);
    cloud.remove(4, 35);
    settle(cloud, singles, 0);
    expect(cloud.inventory.interfaces.map(({ id }) => id)).toEqual(["eni-0"]);
    expect(cloud.cidrs(4).length).toBe(15 + 8);
  });

  it("leaves alone what is not ours, but counts it", () => {
    const cloud = new ToyCloud({ interfaces: 2, slots: { 4: 4 } }, capabilities, { 4: 100, 6: 0 });
    const foreign = { ...cloud.inventory.interfaces[0]!, id: "foreign", primary: false, managed: false };
    cloud.inventory = { ...cloud.inventory, interfaces: [...cloud.inventory.interfaces, foreign] };
    const { actions, shortages } = planFor(cloud, singles, 20);
    expect(actions).toEqual([{ do: "assign", interface: "eni-0", family: 4, prefix: 32, count: 3 }]);
    expect(shortages).toMatchObject([{ family: 4, why: "node-interfaces" }]);
  });

  it("does nothing that the cloud has just refused", () => {
    const cloud = new ToyCloud(limits, capabilities, { 4: 1000, 6: 0 });
    const { actions, shortages } = planFor(cloud, singles, 10, [{ what: "refused", until: 2e9 }]);
    expect([actions, shortages[0]?.why]).toEqual([[], "refused"]);
  });
});

const worlds = fc.record({
  interfaces: fc.integer({ min: 1, max: 8 }),
  slots: fc.integer({ min: 2, max: 12 }),
  free: fc.integer({ min: 0, max: 400 }),
  block: fc.boolean(),
  perCall: fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
  preAllocate: fc.integer({ min: 0, max: 20 }),
  minAllocate: fc.integer({ min: 0, max: 20 }),
  maxAboveWatermark: fc.integer({ min: 0, max: 10 }),
  fixed: fc.boolean(),
  steps: fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 8 }),
});

describe("any plan", () => {
  it.each([0, -3, 0.5, Number.NaN])(
    "ends where a provider declares %d addresses for one request",
    (perCall) => {
      const cloud = new ToyCloud(
        { interfaces: 2, slots: { 4: 8 } },
        { ...capabilities, perCall },
        { 4: 100, 6: 0 },
      );
      const { actions } = planFor(cloud, cloudPolicy({ preAllocate: 2 }), 1);
      expect(actions.every((action) => action.do === "assign" && action.count === 1)).toBe(true);
      expect(actions.length).toBeGreaterThan(1);
    },
  );

  it("keeps the limits and what is in use, meets the demand where there is room, and then is quiet", () => {
    fc.assert(
      fc.property(worlds, ({ interfaces, slots, free, block, perCall, fixed, steps, ...marks }) => {
        const cloud = new ToyCloud(
          { interfaces, slots: { 4: slots } },
          {
            ...capabilities,
            interfaces: fixed ? "fixed" : "dynamic",
            blocks: block ? { 4: 28 } : {},
            ...(perCall === undefined ? {} : { perCall }),
          },
          { 4: free, 6: 0 },
        );
        const policy = cloudPolicy({ ...marks, excessDelay: 1 });
        for (const step of steps) {
          if (step < 0) cloud.remove(4, -step);
          // The toy throws where limits are passed, or something in use is taken away.
          settle(cloud, policy, Math.max(0, step));
          const unplaced = cloud.place(4, Math.max(0, step));
          const { shortages } = planFor(cloud, policy, unplaced);
          // Who found no place is told so, and there was none.
          expect(unplaced === 0 || (shortages.length === 1 && !hasRoom(cloud))).toBe(true);
          settle(cloud, policy, 0);
          expect(planFor(cloud, policy, 0).actions).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });
});

/** The cloud has more for this node. */
function hasRoom(cloud: ToyCloud): boolean {
  const { inventory, limits: most, free, capabilities: can } = cloud;
  const slot = inventory.interfaces.some(({ addresses }) => addresses.length < most.slots[4]!);
  const another = can.interfaces === "dynamic" && inventory.interfaces.length < most.interfaces;
  return slot ? free[4] > 0 : another && free[4] > 1;
}
