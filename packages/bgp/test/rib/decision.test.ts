import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AttributeStore } from "../../src/rib/attribute-store.ts";
import { Candidates, Decision } from "../../src/rib/decision.ts";
import { localSource, peerSource, type Source } from "../../src/rib/source.ts";
import type { PathAttributes } from "../../src/wire/attributes.ts";
import { via } from "./support/updates.ts";

const source = (kind: "external" | "internal", routerId = "5.5.5.5", address = "192.0.2.5"): Source =>
  peerSource(1, { name: `${routerId} ${address}`, kind, asn: 65001, localAsn: 65000, routerId, address });

const EXTERNAL = source("external");
type Path = readonly [attributes: PathAttributes, source: Source, pathId?: number];

/** Indexes of the best and of its equals, of paths in an order. */
function decide(paths: readonly Path[]): { best: number; equals: readonly number[] } {
  const store = new AttributeStore();
  const candidates = new Candidates();
  for (const [attributes, from, pathId = 0] of paths) candidates.add(store.intern(attributes), from, pathId);
  const decision = new Decision(store);
  return { best: decision.best(candidates), equals: [...decision.equals(candidates)] };
}

/** The better path of each pair differs in one respect, and is worse in the next. */
const PAIRS: readonly (readonly [why: string, better: Path, worse: Path])[] = [
  [
    "what is no last resort",
    [via([1, 2, 3], { localPref: 1 }), EXTERNAL],
    [via([1], { localPref: 300, communities: [0xffff0006] }), EXTERNAL],
  ],
  ["higher local preference", [via([1, 2], { localPref: 101 }), EXTERNAL], [via([1]), EXTERNAL]],
  ["our own", [via([1, 2, 3]), localSource(2, "set")], [via([1]), EXTERNAL]],
  ["a shorter path", [via([1], { origin: "incomplete" }), EXTERNAL], [via([1, 2]), EXTERNAL]],
  [
    "a path with a set, which counts one",
    [{ ...via([]), asPath: [{ type: "set", asns: [1, 2, 3] }], origin: "egp" }, EXTERNAL],
    [via([1, 2]), EXTERNAL],
  ],
  ["the lower origin", [via([1, 2], { med: 9 }), EXTERNAL], [via([1, 2], { origin: "egp" }), EXTERNAL]],
  [
    "the lower MED of one AS",
    [via([1, 2], { med: 1 }), source("internal")],
    [via([1, 3], { med: 2 }), EXTERNAL],
  ],
  [
    "external before internal, whatever the MED of different ASes",
    [via([1, 2], { med: 9 }), source("external", "9.9.9.9")],
    [via([2, 2], { med: 1 }), source("internal", "1.1.1.1")],
  ],
  [
    "the lower router identifier, as an unsigned number",
    [via([1]), source("external", "9.1.1.1", "192.0.2.9")],
    [via([2]), source("external", "200.1.1.1", "192.0.2.1")],
  ],
  [
    "the lower originator, which stands for the router identifier",
    [via([1], { originatorId: "1.1.1.1", clusterList: ["1.1.1.1"] }), source("internal", "9.9.9.9")],
    [via([2]), source("internal", "2.2.2.2")],
  ],
  [
    "the shorter cluster list",
    [
      via([1], { originatorId: "1.1.1.1", clusterList: ["1.1.1.1"] }),
      source("internal", "9.9.9.9", "192.0.2.9"),
    ],
    [
      via([2], { originatorId: "1.1.1.1", clusterList: ["1.1.1.1", "2.2.2.2"] }),
      source("internal", "9.9.9.9", "192.0.2.1"),
    ],
  ],
  [
    "the lower address of the peer",
    [via([1]), source("external", "9.9.9.9", "9.0.0.1"), 2],
    [via([2]), source("external", "9.9.9.9", "10.0.0.1"), 1],
  ],
  ["the lower path identifier", [via([1]), EXTERNAL, 1], [via([2]), EXTERNAL, 2]],
];

describe("Decision", () => {
  for (const [why, better, worse] of PAIRS) {
    it(`prefers ${why}`, () => {
      expect(decide([better, worse]).best).toBe(0);
      expect(decide([worse, better]).best).toBe(1);
    });
  }

  it("takes the first of our own sets by name, whatever they say", () => {
    const [a, b] = [localSource(3, "a"), localSource(2, "b")];
    expect(
      decide([
        [via([], { localPref: 300 }), b],
        [via([]), a],
      ]).best,
    ).toBe(1);
    // The second set's preference does not count against others' either.
    expect(
      decide([
        [via([], { localPref: 300 }), b],
        [via([], { localPref: 50 }), a],
        [via([1]), EXTERNAL],
      ]).best,
    ).toBe(2);
  });

  it("compares MED by groups, so that the order in which paths came does not matter", () => {
    // The classic trap: compared in pairs, a beats b, b beats c, c beats a.
    const a: Path = [via([1, 9], { med: 10 }), source("external", "1.1.1.1")];
    const b: Path = [via([2, 9], { med: 0 }), source("external", "2.2.2.2")];
    const c: Path = [via([1, 9], { med: 5 }), source("external", "3.3.3.3")];
    for (const paths of [
      [a, b, c],
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a],
    ]) {
      expect(paths[decide(paths).best]).toBe(b);
    }
  });

  it("names the paths that are as good for forwarding", () => {
    const paths: readonly Path[] = [
      [via([1, 7]), source("external", "9.9.9.9")],
      [via([2, 7], { med: 8 }), source("external", "1.1.1.1")],
      [via([2, 7], { med: 9 }), source("external", "2.2.2.2")],
      [via([3, 7]), source("internal", "3.3.3.3")],
      [via([3, 7, 7]), source("external", "4.4.4.4")],
    ];
    expect(decide(paths)).toEqual({ best: 1, equals: [0, 1] });
    expect(decide([])).toEqual({ best: -1, equals: [] });
  });

  it("says that the best withstands another exactly where it stays the best", () => {
    const route = fc
      .record({
        neighbour: fc.constantFrom(1, 2),
        med: fc.nat(2),
        localPref: fc.constantFrom(100, 100, 100, 200),
      })
      .map(({ neighbour, ...others }) => via([neighbour, 9], others));
    const id = fc.constantFrom("1.1.1.1", "2.2.2.2", "200.0.0.1");
    const path = fc.tuple(route, fc.constantFrom("external" as const, "internal" as const), id);
    fc.assert(
      fc.property(
        fc.array(path, { minLength: 1, maxLength: 4 }),
        path,
        (before, [attributes, kind, routerId]) => {
          const paths = before.map(([each, kind, id], at): Path => [each, source(kind, id, `10.0.0.${at}`)]);
          const added: Path = [attributes, source(kind, routerId, "10.0.0.99")];
          const { best } = decide(paths);
          const store = new AttributeStore();
          const [bestAttributes, bestSource] = paths[best]!;
          const withstands = new Decision(store).withstands(
            store.intern(bestAttributes),
            bestSource,
            store.intern(attributes),
            added[1],
          );
          // Where it says no, all are looked at: it may err on that side alone.
          expect(!withstands || decide([...paths, added]).best === best).toBe(true);
          const two = before.length === 1;
          expect(!two || withstands === (decide([...paths, added]).best === best)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
