import { describe, expect, it } from "vitest";
import { byTargets } from "../src/targets.ts";
import { byWatermarks, excess, needed, type Watermarks } from "../src/watermarks.ts";

const marks = (some: Partial<Watermarks> = {}): Watermarks => ({
  preAllocate: 8,
  minAllocate: 0,
  maxAllocate: Infinity,
  maxAboveWatermark: 0,
  ...some,
});

describe("Cilium's watermarks", () => {
  it.each([
    // available, used, marks, needed
    [0, 0, {}, 8],
    [8, 0, {}, 0],
    [8, 3, {}, 3],
    [8, 8, {}, 8],
    [0, 0, { minAllocate: 20 }, 20],
    [20, 15, { minAllocate: 20 }, 3],
    [10, 10, { maxAllocate: 14 }, 4],
    [14, 14, { maxAllocate: 14 }, 0],
    [16, 16, { maxAllocate: 14 }, 0],
    [0, 0, { preAllocate: 0 }, 0],
  ] as const)("with %i available and %i used under %o needs %i", (available, used, some, expected) => {
    expect(needed({ available, used }, marks(some))).toBe(expected);
  });

  it("takes what is above the watermark only where something is needed, and no more than there may be", () => {
    const take = (used: number, some: Partial<Watermarks>): unknown =>
      byWatermarks({ available: 8, used }, marks({ maxAboveWatermark: 4, ...some }));
    expect(take(0, {})).toEqual({ short: 0, spare: 0, excess: 0 });
    expect(take(2, {})).toEqual({ short: 2, spare: 4, excess: 0 });
    expect(take(2, { maxAllocate: 11 })).toEqual({ short: 2, spare: 1, excess: 0 });
  });

  it.each([
    [8, 0, {}, 0],
    [20, 0, {}, 12],
    [20, 12, {}, 0],
    [20, 5, { maxAboveWatermark: 3 }, 4],
    [10, 2, { minAllocate: 10 }, 0],
    [16, 2, { minAllocate: 10, maxAboveWatermark: 2 }, 4],
    [16, 6, { minAllocate: 10, maxAboveWatermark: 2 }, 0],
    [30, 6, { minAllocate: 10, maxAboveWatermark: 2 }, 14],
  ] as const)(
    "with %i available and %i used under %o may give back %i",
    (available, used, some, expected) => {
      expect(excess({ available, used }, marks(some))).toBe(expected);
    },
  );

  it("counts who waits as having got it, so that one round is enough", () => {
    expect(byWatermarks({ available: 8, used: 100 }, marks())).toEqual({ short: 100, spare: 0, excess: 0 });
  });
});

describe("the VPC CNI's targets", () => {
  const sizes = { block: 1, interface: 29, idleBlocks: 0, idleSingles: 0 };
  it.each([
    // available, used, targets, short, excess
    [29, 0, { warmInterfaces: 1 }, 0, 0],
    [29, 1, { warmInterfaces: 1 }, 29, 0],
    [58, 0, { warmInterfaces: 1 }, 0, 29],
    [10, 6, { warmAddresses: 5, minimumAddresses: 10 }, 1, 0],
    [4, 0, { warmAddresses: 2, minimumAddresses: 10 }, 6, 0],
    [20, 6, { warmAddresses: 5, minimumAddresses: 10 }, 0, 9],
    [12, 0, { warmAddresses: 5, minimumAddresses: 10 }, 0, 2],
    [10, 10, { warmAddresses: 5, maxAddresses: 10 }, 0, 0],
  ] as const)("with %i available and %i used under %o", (available, used, targets, short, over) => {
    expect(byTargets({ available, used }, targets, sizes)).toEqual({ short, excess: over });
  });

  it("counts whole blocks", () => {
    const blocks = (available: number, used: number, idleBlocks: number): unknown =>
      byTargets(
        { available, used },
        { warmBlocks: 1 },
        { block: 16, interface: 29, idleBlocks, idleSingles: 0 },
      );
    expect(blocks(0, 0, 0)).toEqual({ short: 16, excess: 0 });
    expect(blocks(16, 0, 1)).toEqual({ short: 0, excess: 0 });
    expect(blocks(16, 1, 0)).toEqual({ short: 16, excess: 0 });
    expect(blocks(48, 1, 2)).toEqual({ short: 0, excess: 16 });
  });

  it.each([
    // available, used, idle blocks, idle singles, excess
    [{ warmBlocks: 1 }, 37, 0, 2, 5, 16 + 5],
    [{ warmBlocks: 1 }, 21, 0, 1, 5, 5],
    [{ warmBlocks: 1 }, 26, 6, 0, 10, 4],
    [{ warmAddresses: 4 }, 32, 2, 0, 30, 26],
    [{ warmAddresses: 4 }, 32, 10, 1, 5, 18],
  ] as const)(
    "gives back single addresses of a time without blocks, under %o of %i with %i used",
    (targets, available, used, idleBlocks, idleSingles, over) => {
      const blocks = { block: 16, interface: 29, idleBlocks, idleSingles };
      expect(byTargets({ available, used }, targets, blocks)).toEqual({ short: 0, excess: over });
    },
  );
});
