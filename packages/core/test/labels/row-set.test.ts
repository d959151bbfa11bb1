import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RowSet } from "../../src/labels/index.ts";

const step = fc.record({
  add: fc.boolean(),
  row: fc.oneof(fc.nat(300), fc.nat(300), fc.nat(20_000), fc.constant(0xffff_ffff)),
});

describe("a row set", () => {
  it("behaves like a set of numbers, thin or dense", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: "max" }), (steps) => {
        const rows = new RowSet();
        const model = new Set<number>();
        for (const { add, row } of steps) {
          expect(add ? rows.add(row) : rows.delete(row)).toBe(add ? !model.has(row) : model.has(row));
          if (add) model.add(row);
          else model.delete(row);
          expect(rows.has(row)).toBe(add);
          expect(rows.size).toBe(model.size);
        }
        expect([...rows]).toEqual([...model].sort((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });

  it("grows into a bitmap and shrinks back without losing a row", () => {
    const rows = new RowSet();
    for (let row = 0; row < 10_000; row++) rows.add((row * 7919) % 10_007);
    expect(rows.size).toBe(10_000);
    rows.add(4_000_000);
    expect(rows.has(4_000_000)).toBe(true);
    for (let row = 0; row < 10_007; row++) if (row % 100 !== 0) rows.delete(row);
    expect([...rows].every((row) => row % 100 === 0)).toBe(true);
    expect([...rows].at(-1)).toBe(4_000_000);
  });

  it("takes in another set", () => {
    const rows = new RowSet([1, 3]);
    rows.addAll(new RowSet([2, 3, 99]));
    expect([...rows]).toEqual([1, 2, 3, 99]);
  });

  it("can be walked while it changes", () => {
    const rows = new RowSet([1, 2, 3]);
    for (const row of rows) rows.delete(row);
    expect(rows.size).toBe(0);
  });
});
