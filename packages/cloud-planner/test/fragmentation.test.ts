import { seededRandom } from "@netloom/core/memory";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chanceOfAtLeast, chanceOfWhole, expectedWhole, wholeAtMost } from "../src/fragmentation.ts";
import { SubnetLedger } from "../src/subnet-ledger.ts";

/** So many addresses of a subnet taken at random: how many blocks are whole. */
function drawn(size: number, taken: number, random: () => number): number {
  const addresses = Array.from({ length: size - 5 }, (_, index) => index + 4);
  for (let index = 0; index < taken; index++) {
    const other = index + Math.floor(random() * (addresses.length - index));
    [addresses[index], addresses[other]] = [addresses[other]!, addresses[index]!];
  }
  const broken = new Set(addresses.slice(0, taken).map((address) => Math.floor(address / 16)));
  return Array.from({ length: size / 16 - 2 }, (_, index) => index + 1).filter((block) => !broken.has(block))
    .length;
}

describe("fragmentation", () => {
  it("is what is known of subnets of these sizes", () => {
    // Derived for Cilium's issue 38499, to two digits: a /24 at 24 %, a /22 and a /20 at 29 %.
    expect(expectedWhole(256, Math.floor(251 * 0.24))).toBeCloseTo(0.15, 1);
    expect(expectedWhole(1024, Math.floor(1019 * 0.29))).toBeCloseTo(0.24, 1);
    expect(expectedWhole(4096, Math.floor(4091 * 0.29))).toBeCloseTo(1.0, 1);
  });

  it("is what drawing addresses at random gives, on average", () => {
    const random = seededRandom(7);
    for (const [size, taken] of [
      [256, 20],
      [1024, 100],
      [1024, 250],
    ] as const) {
      const draws = Array.from({ length: 2000 }, () => drawn(size, taken, () => random.next()));
      const mean = draws.reduce((sum, whole) => sum + whole, 0) / draws.length;
      expect(mean / expectedWhole(size, taken)).toBeCloseTo(1, 1);
      const wanted = Math.round(mean);
      const share = draws.filter((whole) => whole >= wanted).length / draws.length;
      expect(Math.abs(share - chanceOfAtLeast(size, taken, wanted))).toBeLessThan(0.1);
    }
  });

  it("is the same one address after the other", () => {
    const subnet = { id: "a", cidr: "10.0.0.0/22", zone: "a", occupied: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (taken) => {
        const ledger = new SubnetLedger(subnet, "scattered");
        expect(ledger.take({ singles: taken, blocks: 0 })).toBeUndefined();
        expect(ledger.whole).toBeCloseTo(expectedWhole(1024, taken), 6);
      }),
    );
  });

  it("is a chance: of none it is certain, with fewer blocks it is more, with more taken it is less", () => {
    const taken = fc.integer({ min: 0, max: 4091 });
    fc.assert(
      fc.property(taken, fc.integer({ min: 0, max: 300 }), (taken, wanted) => {
        const chance = chanceOfAtLeast(4096, taken, wanted);
        expect(chance).toBeGreaterThanOrEqual(0);
        expect(chance).toBeLessThanOrEqual(1);
        expect(chanceOfAtLeast(4096, taken, 0)).toBe(1);
        expect(chanceOfAtLeast(4096, taken, wanted + 1)).toBeLessThanOrEqual(chance + 1e-9);
        expect(chanceOfAtLeast(4096, Math.min(4091, taken + 50), wanted)).toBeLessThanOrEqual(chance + 1e-9);
        expect(chanceOfAtLeast(4096, taken, wholeAtMost(4096) + 1 + wanted)).toBe(0);
        expect(chanceOfWhole(4096, 0)).toBe(1);
      }),
    );
  });

  it("packed, breaks a block only when nothing else is left", () => {
    const ledger = new SubnetLedger({ id: "a", cidr: "10.0.0.0/24", zone: "a", occupied: 0 }, "packed");
    ledger.take({ singles: 12, blocks: 0 });
    expect(ledger.whole).toBe(14);
    ledger.take({ singles: 1, blocks: 0 });
    expect(ledger.whole).toBe(13);
    expect(ledger.take({ singles: 0, blocks: 14 })).toBe("pool-blocks");
    expect([ledger.whole, ledger.free]).toEqual([13, 238]);
    expect(ledger.take({ singles: 0, blocks: 13 })).toBeUndefined();
    expect(ledger.take({ singles: 31, blocks: 0 })).toBe("pool-addresses");
    expect(ledger.take({ singles: 30, blocks: 0 })).toBeUndefined();
  });
});
