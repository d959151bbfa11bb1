import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Bitmap } from "../../src/ipam/bitmap.ts";

const capacity = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 32, 33, 1024, 1025, 40_000));

/** What the bitmap's method should return, on a plain set. */
function onModel(
  model: Set<number>,
  size: number,
  action: "add" | "delete" | "next",
  n: number,
): boolean | number {
  if (action === "add") return !model.has(n) && model.add(n).has(n);
  if (action === "delete") return model.delete(n);
  while (n < size && !model.has(n)) n++;
  return n === size ? -1 : n;
}

describe("a hierarchical bitmap", () => {
  it("behaves like a set of numbers that can find its next member", () => {
    const step = fc.tuple(fc.constantFrom("add" as const, "delete" as const, "next" as const), fc.nat());
    fc.assert(
      fc.property(
        capacity,
        fc.boolean(),
        fc.array(step, { maxLength: 300, size: "max" }),
        (size, full, steps) => {
          const bitmap = new Bitmap(size, full);
          const model = new Set(full ? Array.from({ length: size }, (_, i) => i) : []);
          for (const [action, number] of steps) {
            const n = number % size;
            expect(bitmap[action](n)).toBe(onModel(model, size, action, n));
            expect(bitmap.has(n)).toBe(model.has(n));
            expect(bitmap.size).toBe(model.size);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds the only member anywhere in a /8", () => {
    const bitmap = new Bitmap(2 ** 24);
    for (const n of [0, 31, 32, 1023, 1024, 2 ** 20 + 1, 2 ** 24 - 1]) {
      bitmap.add(n);
      expect(bitmap.next(0)).toBe(n);
      expect(bitmap.next(n)).toBe(n);
      expect(bitmap.next(n + 1)).toBe(-1);
      bitmap.delete(n);
    }
    expect(bitmap.next(0)).toBe(-1);
  });

  it("walks all its members in order", () => {
    const bitmap = new Bitmap(100_000, true);
    for (let n = 0; n < 100_000; n += 3) bitmap.delete(n);
    let seen = 0;
    for (let n = bitmap.next(0); n >= 0; n = bitmap.next(n + 1)) {
      expect(n % 3).not.toBe(0);
      seen++;
    }
    expect(seen).toBe(bitmap.size);
  });
});
