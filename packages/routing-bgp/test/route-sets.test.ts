import type { LocalRoute } from "@netloom/bgp";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceByDigest, digestOf, KeptSets } from "../src/route-sets.ts";

const route = fc
  .tuple(
    fc.constantFrom("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"),
    fc.option(fc.nat(2), { nil: undefined }),
  )
  .map(([prefix, med]): LocalRoute => (med === undefined ? { prefix } : { prefix, med }));
const routes = fc.uniqueArray(route, { selector: ({ prefix }) => prefix });
const sets = fc
  .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c"), routes), { selector: ([name]) => name })
  .map((list) => new Map(list));

/** What is in them, in one order. */
function contents(kept: KeptSets): unknown {
  return kept.digests();
}

const digests = (wanted: ReadonlyMap<string, readonly LocalRoute[]>): unknown =>
  Object.fromEntries(
    [...wanted].filter(([, list]) => list.length > 0).map(([name, list]) => [name, digestOf(list)]),
  );

describe("sets of routes", () => {
  it("become the wanted ones by the difference, and then there is none", () => {
    fc.assert(
      fc.property(sets, sets, (before, after) => {
        const kept = new KeptSets();
        for (const wanted of [before, after]) {
          for (const change of kept.differenceTo(wanted)) kept.apply(change);
          expect(contents(kept)).toEqual(digests(wanted));
          expect([...kept.differenceTo(wanted)]).toEqual([]);
        }
      }),
    );
  });

  it("become the wanted ones where only their digests are known", () => {
    fc.assert(
      fc.property(sets, sets, (before, after) => {
        const kept = new KeptSets();
        for (const change of kept.differenceTo(before)) kept.apply(change);
        for (const change of differenceByDigest(kept.digests(), after)) kept.apply(change);
        expect(contents(kept)).toEqual(digests(after));
        expect([...differenceByDigest(kept.digests(), after)]).toEqual([]);
      }),
    );
  });

  it("are told apart only by what is in them", () => {
    const a = { prefix: "10.1.0.0/24", med: 1 };
    const b = { prefix: "10.2.0.0/24" };
    expect(digestOf([a, b])).toBe(digestOf([b, { med: 1, prefix: "10.1.0.0/24" }]));
    expect(digestOf([a, b])).not.toBe(digestOf([b, { ...a, med: 2 }]));
  });

  it("change in pieces of a bounded size, put together again to the same", () => {
    const many = Array.from({ length: 4500 }, (_, at) => ({ prefix: `10.${at >> 8}.${at & 255}.0/24` }));
    const kept = new KeptSets();
    const changes = [...kept.differenceTo(new Map([["many", many]]))];
    expect(changes.map(({ put }) => put.length)).toEqual([2000, 2000, 500]);
    for (const change of changes) kept.apply(change);
    expect(kept.size).toBe(4500);
    const again = [...differenceByDigest({ many: "other" }, new Map([["many", many]]))];
    expect(again.map(({ reset }) => reset)).toEqual([true, false, false]);
  });

  it("are taken with those first that have something: a prefix that moves is never without one", () => {
    const kept = new KeptSets();
    for (const change of kept.differenceTo(new Map([["a", [{ prefix: "10.1.0.0/24" }]]]))) kept.apply(change);
    kept.takeChanged();
    for (const change of kept.differenceTo(new Map([["b", [{ prefix: "10.1.0.0/24" }]]]))) kept.apply(change);
    expect(kept.takeChanged()).toEqual([
      ["b", [{ prefix: "10.1.0.0/24" }]],
      ["a", []],
    ]);
    expect(kept.takeChanged()).toEqual([]);
  });
});
