import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checked } from "../src/check.ts";
import { fill } from "../src/fleet-ledger.ts";
import type { Planner, PlannerInput } from "../src/input.ts";
import { bruteForce, type Found } from "./support/brute-force.ts";

const sizes = fc.record({
  prefix: fc.integer({ min: 25, max: 27 }),
  interfaces: fc.integer({ min: 1, max: 4 }),
  slots: fc.integer({ min: 2, max: 12 }),
  pods: fc.integer({ min: 1, max: 20 }),
  preAllocate: fc.integer({ min: 0, max: 10 }),
  occupied: fc.double({ min: 0, max: 0.9, noNaN: true }),
  seed: fc.integer({ min: 1, max: 1000 }),
});
type Sizes = typeof sizes extends fc.Arbitrary<infer Value> ? Value : never;

function planner(sizes: Sizes, more: Partial<PlannerInput>): Planner {
  const { prefix, interfaces, slots, pods, preAllocate, occupied, seed } = sizes;
  return checked({
    subnets: [{ id: "subnet-a", cidr: `10.0.0.0/${prefix}`, occupied }],
    nodes: [{ count: 1, limits: { interfaces, slots: { 4: slots } } }],
    pods: { perNode: pods },
    seed,
    ...more,
    policy: { preAllocate, ...more.policy },
  });
}

/** Enough for the largest subnet. */
const MANY = 130;

/** What is said beforehand, and what comes of it. */
async function both(one: Planner): Promise<readonly [said: Found, found: Found]> {
  const { nodes, out } = fill(one, {
    placement: one.placement,
    podsPerNode: one.pods.perNode,
    nodes: MANY,
  });
  return [{ nodes, ...(out === undefined ? {} : { pod: out.pod }) }, await bruteForce(one, MANY)];
}

function fixed(some: Sizes): Sizes {
  return { ...some, interfaces: 1, slots: some.slots + 20 };
}

describe("what fits, and the first pod that does not", () => {
  it("is what the real IPAM finds, one node after the other, with single addresses", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.constantFrom("scattered", "packed"), async (some, placement) => {
        const [said, found] = await both(planner(some, { placement, policy: { blocks: false } }));
        expect(said).toEqual(found);
      }),
      { numRuns: 15 },
    );
  });

  it("is what it finds with blocks too, where single addresses are packed", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (some, singles) => {
        const packed = { placement: "packed", policy: { blocks: true, singles } } as const;
        const [said, found] = await both(planner({ ...some, occupied: 0 }, packed));
        expect(said).toEqual(found);
      }),
      { numRuns: 15 },
    );
  });

  it("is what it finds where interfaces are fixed", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (some) => {
        const [said, found] = await both(planner(fixed(some), { shape: "gcp", policy: { blocks: false } }));
        expect(said).toEqual(found);
      }),
      { numRuns: 15 },
    );
  });

  it("is no more than it finds where the cloud does not say how many addresses are free", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (some) => {
        const one = planner(fixed(some), { shape: "azure", policy: { blocks: false } });
        const filled = fill(one, { placement: one.placement, podsPerNode: some.pods, nodes: MANY });
        // What is refused whole may be had in parts, a minute or two later.
        expect(filled.nodes).toBeLessThanOrEqual((await bruteForce(one, MANY)).nodes);
      }),
      { numRuns: 15 },
    );
  });

  it("is no more nodes with more pods, or with more of the subnet taken", () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), fc.constantFrom("scattered", "packed"), (some, blocks, placement) => {
        const nodes = (podsPerNode: number, occupied: number): number => {
          const one = planner({ ...some, occupied }, { placement, policy: { blocks } });
          return fill(one, { placement, podsPerNode, nodes: MANY }).nodes;
        };
        const { pods, occupied } = some;
        expect(nodes(pods + 1, occupied)).toBeLessThanOrEqual(nodes(pods, occupied));
        // Blocks waste what single addresses do not: fewer of them may leave more room.
        const more = blocks ? occupied : Math.min(1, occupied + 0.1);
        expect(nodes(pods, more)).toBeLessThanOrEqual(nodes(pods, occupied));
      }),
    );
  });
});
