import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MAGLEV_SIZES, type MaglevBackend, maglevTable } from "../../src/service/maglev.ts";
import { murmur3 } from "../../src/service/murmur3.ts";

const named = (count: number): MaglevBackend[] =>
  Array.from({ length: count }, (_, i) => ({ name: `10.0.${i >> 8}.${i & 255}:8080/TCP` }));

const weighted = (count: number, weight: (i: number) => number): MaglevBackend[] =>
  Array.from({ length: count }, (_, i) => ({ name: `10.0.0.${i}:8080/TCP`, weight: weight(i) }));

/** The table with names for indexes. */
function names(backends: readonly MaglevBackend[], size: number): string[] {
  return Array.from(maglevTable(backends, size), (index) => backends[index]!.name);
}

function shares(backends: readonly MaglevBackend[], size: number): number[] {
  const counts = backends.map(() => 0);
  for (const index of maglevTable(backends, size)) counts[index]!++;
  return counts;
}

/** The paper's pseudocode, with its permutation table; weights by turns as described. */
function asInThePaper(backends: readonly MaglevBackend[], size: number, seed: number): string[] {
  const sorted = [...backends].sort((a, b) => (a.name < b.name ? -1 : 1)).filter((it) => it.weight !== 0);
  const permutation = sorted.map(({ name }) => {
    const [offset, skip] = [murmur3(name, seed) % size, (murmur3(name, ~seed) % (size - 1)) + 1];
    return Array.from({ length: size }, (_, j) => (offset + j * skip) % size);
  });
  const next = sorted.map(() => 0);
  const entry: (string | undefined)[] = Array.from({ length: size });
  let filled = 0;
  for (;;) {
    for (const [i, { name }] of sorted.entries()) {
      while (entry[permutation[i]![next[i]!]!] !== undefined) next[i]!++;
      entry[permutation[i]![next[i]!]!] = name;
      if (++filled === size) return entry as string[];
    }
  }
}

const backends = fc.uniqueArray(
  fc.record({ name: fc.stringMatching(/^[a-z0-9.:/]{1,12}$/), weight: fc.integer({ min: 0, max: 5 }) }),
  { selector: (it) => it.name, maxLength: 20 },
);

describe("a Maglev table", () => {
  it("is the one of the paper", () => {
    for (const count of [1, 2, 3, 10, 50]) {
      expect(names(named(count), 251)).toEqual(asInThePaper(named(count), 251, 0x6d61676c));
    }
  });

  it("depends on the set of backends and weights, not on their order", () => {
    fc.assert(
      fc.property(
        backends.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          expect(names(shuffled, 509)).toEqual(names(list, 509));
        },
      ),
    );
  });

  it("moves few flows between the backends that stay when one goes", () => {
    for (const count of [10, 100]) {
      const all = named(count);
      const before = names(all, 16_381);
      let moved = 0;
      for (let gone = 0; gone < 10; gone++) {
        const after = names(all.toSpliced(gone, 1), 16_381);
        moved += before.filter((name, slot) => name !== all[gone]!.name && name !== after[slot]).length;
      }
      expect(moved / 10 / 16_381).toBeLessThan(0.02);
    }
  });

  it("keeps shares within two per cent at a hundred slots for each backend", () => {
    for (const [count, size] of [
      [2, 251],
      [20, 2039],
      [160, 16_381],
    ] as const) {
      const counts = shares(named(count), size);
      for (const slots of counts) expect(Math.abs(slots / (size / count) - 1)).toBeLessThan(0.02);
    }
  });

  it("gives shares in proportion to weights, to one slot", () => {
    const sum = 16 + 7 * 120;
    for (const [i, slots] of shares(
      weighted(16, (n) => 1 + n * 7),
      16_381,
    ).entries()) {
      const fair = (16_381 * (1 + i * 7)) / sum;
      expect(Math.abs(slots - fair)).toBeLessThan(fair * 0.02 + 1);
    }
  });

  it("gives every backend with a weight a slot, and none to one without", () => {
    const skewed = [
      { name: "heavy", weight: 65_535 },
      { name: "light", weight: 1 },
      { name: "drained", weight: 0 },
    ];
    expect(shares(skewed, 251)).toEqual([250, 1, 0]);
    expect(names(skewed, 251)).toEqual(names(skewed.slice(0, 2), 251));
  });

  it("does not care about a common factor of the weights", () => {
    const once = weighted(9, (i) => i + 1);
    const thrice = weighted(9, (i) => 3 * (i + 1));
    expect(names(once, 1021)).toEqual(names(thrice, 1021));
    expect(
      names(
        weighted(9, () => 7),
        1021,
      ),
    ).toEqual(
      names(
        weighted(9, () => 1),
        1021,
      ),
    );
  });

  it("is empty when there is nothing to choose", () => {
    expect(maglevTable([], 251)).toHaveLength(0);
    expect(maglevTable([{ name: "a", weight: 0 }], 251)).toHaveLength(0);
  });

  it("is filled even when there are more backends than slots", () => {
    expect(new Set(maglevTable(named(300), 251)).size).toBe(251);
  });

  it("differs by seed", () => {
    expect([...maglevTable(named(5), 251, 1)]).not.toEqual([...maglevTable(named(5), 251, 2)]);
  });

  it("is offered in prime sizes only", () => {
    for (const size of MAGLEV_SIZES) {
      let divisor = 2;
      while (size % divisor !== 0) divisor++;
      expect(divisor).toBe(size);
    }
  });

  it.each([
    [[], 250, 0, "ERR_OPTIONS_INVALID"],
    [[], 251, -1, "ERR_OPTIONS_INVALID"],
    [[], 251, 0.5, "ERR_OPTIONS_INVALID"],
    [[{ name: "" }], 251, 0, "ERR_SERVICE_INVALID"],
    [[{ name: "é" }], 251, 0, "ERR_SERVICE_INVALID"],
    [[{ name: "a b" }], 251, 0, "ERR_SERVICE_INVALID"],
    [[{ name: "a" }, { name: "b" }, { name: "a", weight: 0 }], 251, 0, "ERR_SERVICE_INVALID"],
    [[{ name: "a", weight: -1 }], 251, 0, "ERR_SERVICE_INVALID"],
    [[{ name: "a", weight: 1.5 }], 251, 0, "ERR_SERVICE_INVALID"],
    [[{ name: "a", weight: 65_536 }], 251, 0, "ERR_SERVICE_INVALID"],
  ])("refuses %j with %i slots and seed %d", (list, size, seed, code) => {
    expect(() => maglevTable(list, size, seed)).toThrow(expect.objectContaining({ code }));
  });
});

describe("MurmurHash3", () => {
  it.each([
    ["", 0, 0],
    ["", 1, 0x514e28b7],
    ["", 0xffff_ffff, 0x81f16f39],
    ["a", 0x9747b28c, 0x7fa09ea6],
    ["aa", 0x9747b28c, 0x5d211726],
    ["aaa", 0x9747b28c, 0x283e0130],
    ["aaaa", 0x9747b28c, 0x5a97808a],
    ["Hello, world!", 0x9747b28c, 0x24884cba],
    ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
  ])("of %j with seed %i is the published value", (text, seed, expected) => {
    expect(murmur3(text, seed)).toBe(expected);
  });
});
