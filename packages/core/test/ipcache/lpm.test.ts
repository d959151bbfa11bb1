import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Address, type Cidr, formatCidr, parseAddress, parseCidr } from "../../src/address/index.ts";
import { LpmMap, LpmTable } from "../../src/ipcache/lpm.ts";
import { anyAddress, cidr, crowdedCidr } from "../address/arbitrary.ts";

/** Every question a scan over a list: the oracle. */
class Linear {
  readonly rows = new Map<string, [Cidr, number]>();

  covering(inner: Cidr | Address): [Cidr, number][] {
    const contains = (outer: Cidr): boolean =>
      "prefix" in inner ? outer.containsCidr(inner) : outer.contains(inner);
    return [...this.rows.values()]
      .filter(([outer]) => contains(outer))
      .sort(([a], [b]) => b.prefix - a.prefix);
  }

  within(outer: Cidr): string[] {
    return [...this.rows.values()]
      .filter(([inner]) => outer.containsCidr(inner))
      .map(describeEntry)
      .sort();
  }
}

function describeEntry([at, row]: [Cidr, number]): string {
  return `${formatCidr(at)} ${row}`;
}

const prefix = fc.oneof({ weight: 4, arbitrary: crowdedCidr }, { weight: 1, arbitrary: cidr });
const step = fc.record({ at: prefix, row: fc.option(fc.nat(1000), { nil: undefined, freq: 3 }) });
const near = fc.oneof(
  anyAddress,
  crowdedCidr.map((it) => it.first),
  crowdedCidr.map((it) => it.last),
);

describe("a longest prefix match table", () => {
  it("answers as a linear scan does, in every state it goes through", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120, size: "max" }),
        fc.array(near, { minLength: 8, maxLength: 8 }),
        (steps, addresses) => {
          const table = new LpmTable();
          const model = new Linear();
          for (const { at, row } of steps) {
            const before = model.rows.get(formatCidr(at))?.[1];
            expect(row === undefined ? table.delete(at) : table.set(at, row)).toBe(before);
            if (row === undefined) model.rows.delete(formatCidr(at));
            else model.rows.set(formatCidr(at), [at, row]);
            expect(table.get(at)).toBe(row);
            expect(table.size).toBe(model.rows.size);
            for (const address of [...addresses, at.first, at.last]) {
              expect(table.lookup(address)).toBe(model.covering(address)[0]?.[1]);
            }
            expect([...table.covering(at)]).toEqual(model.covering(at));
            expect([...table.within(at)].map(describeEntry).sort()).toEqual(model.within(at));
          }
          expect([...table.entries()].map(describeEntry).sort()).toEqual(
            [...model.rows.values()].map(describeEntry).sort(),
          );
          for (const address of addresses) expect(table.match(address)).toEqual(model.covering(address)[0]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keeps every entry while it grows and shrinks", () => {
    const table = new LpmTable();
    const pool = parseCidr("10.0.0.0/8");
    const wide = parseCidr("fd00::/64");
    for (let i = 0; i < 20_000; i++) {
      table.set(pool.subnet(32, i * 3), i);
      table.set(wide.subnet(128, i * 2 ** 33), i);
    }
    for (let i = 0; i < 20_000; i++) {
      if (i % 50 === 0) continue;
      expect(table.delete(pool.subnet(32, i * 3))).toBe(i);
      expect(table.delete(wide.subnet(128, i * 2 ** 33))).toBe(i);
    }
    expect(table.size).toBe(800);
    for (let i = 0; i < 20_000; i++) {
      const expected = i % 50 === 0 ? i : undefined;
      expect(table.get(pool.subnet(32, i * 3))).toBe(expected);
      expect(table.get(wide.subnet(128, i * 2 ** 33))).toBe(expected);
    }
  });

  it("keeps the families apart", () => {
    const table = new LpmTable();
    table.set(parseCidr("::/0"), 1);
    expect(table.lookup(parseAddress("10.0.0.1"))).toBeUndefined();
    expect(table.lookup(parseAddress("::1"))).toBe(1);
    table.set(parseCidr("0.0.0.0/0"), 2);
    expect(table.lookup(parseAddress("10.0.0.1"))).toBe(2);
    expect(table.lookup(parseAddress("::ffff:10.0.0.1"))).toBe(2);
    expect(table.delete(parseCidr("0.0.0.0/0"))).toBe(2);
    expect(table.lookup(parseAddress("10.0.0.1"))).toBeUndefined();
  });

  it("holds row 0 and the largest row, and refuses what is no row", () => {
    const table = new LpmTable();
    for (const row of [0, 0xffff_fffe]) {
      table.set(parseCidr("10.0.0.0/8"), row);
      expect(table.lookup(parseAddress("10.0.0.1"))).toBe(row);
    }
    for (const row of [-1, 0.5, 0xffff_ffff, Number.NaN]) {
      expect(() => table.set(parseCidr("11.0.0.0/8"), row)).toThrow(
        expect.objectContaining({ code: "ERR_OPTIONS_INVALID" }),
      );
    }
    expect(table.size).toBe(1);
  });
});

describe("a longest prefix match map", () => {
  it("answers like the table, with values", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const map = new LpmMap<{ row: number }>();
        const table = new LpmTable();
        for (const { at, row } of steps) {
          const before = row === undefined ? map.delete(at) : map.set(at, { row });
          expect(before?.row).toBe(row === undefined ? table.delete(at) : table.set(at, row));
          expect(map.get(at)?.row).toBe(table.get(at));
          expect(map.lookup(at.last)?.row).toBe(table.lookup(at.last));
          expect(map.match(at.first)?.[1].row).toBe(table.match(at.first)?.[1]);
          expect([...map.covering(at)].map(([, value]) => value.row)).toEqual(
            [...table.covering(at)].map(([, it]) => it),
          );
        }
        expect(map.size).toBe(table.size);
        expect([...map.entries()].map(([at, value]) => describeEntry([at, value.row]))).toEqual(
          [...table.entries()].map(describeEntry),
        );
        expect([...map.within(parseCidr("10.0.0.0/8"))]).toHaveLength(
          [...table.within(parseCidr("10.0.0.0/8"))].length,
        );
      }),
      { numRuns: 200 },
    );
  });
});
