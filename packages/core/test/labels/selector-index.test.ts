import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";

import {
  type Label,
  LabelTable,
  type Selection,
  type SelectionChange,
  SelectorIndex,
  type SelectorInput,
  parseLabel,
  parseSelector,
} from "../../src/labels/index.ts";
import { labels, naivelyMatches, selectorInput } from "./arbitrary.ts";

const table = new LabelTable();
const set = (...texts: string[]) => table.intern(texts.map(parseLabel));
const everything = parseSelector({});

/** What listeners threw; no test expects any. */
const listenerErrors: unknown[] = [];
afterEach(() => {
  for (const error of listenerErrors.splice(0)) throw error;
});

function index(): SelectorIndex {
  return new SelectorIndex((error) => listenerErrors.push(error));
}

/** Rebuilds every result from the changes alone, as a policy engine would. */
class Follower {
  readonly rows = new Map<Selection, Set<number>>();

  constructor(of: SelectorIndex) {
    of.events.on("selection:changed", (change) => this.apply(change));
  }

  apply({ selection, added, removed }: SelectionChange): void {
    const rows = this.rows.get(selection);
    if (rows === undefined) throw new Error(`${selection.selector.key} was released`);
    for (const row of removed) if (!rows.delete(row)) throw new Error(`row ${row} was not there`);
    for (const row of added) {
      if (rows.has(row)) throw new Error(`row ${row} was there`);
      rows.add(row);
    }
  }
}

type Step =
  | { readonly update: readonly (readonly [number, readonly Label[] | undefined])[] }
  | { readonly acquire: SelectorInput }
  | { readonly release: number };

const row = fc.nat(40);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      update: fc.array(fc.tuple(row, fc.option(labels, { nil: undefined, freq: 4 })), {
        minLength: 1,
        maxLength: 6,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ acquire: selectorInput }) },
  { weight: 1, arbitrary: fc.record({ release: fc.nat(100) }) },
);

describe("a selector index", () => {
  it("always selects what a full scan would, and its changes add up to that", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const tested = index();
        const follower = new Follower(tested);
        const rows = new Map<number, readonly Label[]>();
        const held: { selection: Selection; input: SelectorInput }[] = [];
        for (const it of steps) {
          if ("update" in it) {
            tested.update(it.update.map(([at, list]) => [at, list && table.intern(list)]));
            for (const [at, list] of it.update) {
              if (list === undefined) rows.delete(at);
              else rows.set(at, list);
            }
          } else if ("acquire" in it) {
            const selection = tested.acquire(parseSelector(it.acquire));
            held.push({ selection, input: it.acquire });
            if (!follower.rows.has(selection)) follower.rows.set(selection, new Set(selection.rows));
          } else if (held.length > 0) {
            const [{ selection }] = held.splice(it.release % held.length, 1) as [(typeof held)[number]];
            tested.release(selection);
            if (!held.some((other) => other.selection === selection)) follower.rows.delete(selection);
          }
          for (const { selection, input } of held) {
            const expected = [...rows].filter(([, list]) => naivelyMatches(input, list)).map(([at]) => at);
            expect([...selection.rows]).toEqual(expected.sort((a, b) => a - b));
            expect(follower.rows.get(selection)).toEqual(new Set(expected));
          }
          expect(tested.size).toBe(rows.size);
          expect(listenerErrors).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("shares one selection among equal selectors until the last holder gives it back", () => {
    const tested = index();
    const app = parseSelector({ matchLabels: { app: "web" } });
    const first = tested.acquire(app);
    const second = tested.acquire(
      parseSelector({ matchExpressions: [{ key: "app", operator: "In", values: ["web"] }] }),
    );
    expect(second).toBe(first);
    tested.release(first);
    tested.set(1, set("k8s:app=web"));
    expect([...second.rows]).toEqual([1]);
    tested.release(second);
    tested.release(second);
    tested.set(2, set("k8s:app=web"));
    expect([...second.rows]).toEqual([1]);
    expect([...tested.acquire(app).rows]).toEqual([1, 2]);
  });

  it("finds the rows that were there before the selector", () => {
    const tested = index();
    tested.set(3, set("k8s:app=web", "k8s:tier=db"));
    tested.set(5, set("k8s:app=web"));
    expect([...tested.acquire(parseSelector({ matchLabels: { app: "web", tier: "db" } })).rows]).toEqual([3]);
    expect([
      ...tested.acquire(parseSelector({ matchExpressions: [{ key: "app", operator: "Exists" }] })).rows,
    ]).toEqual([3, 5]);
    expect([...tested.acquire(parseSelector({ matchLabels: { "node:app": "web" } })).rows]).toEqual([]);
  });

  it("tells of an update once per selection, when all selections are up to date", () => {
    const tested = index();
    const all = tested.acquire(everything);
    const web = tested.acquire(parseSelector({ matchLabels: { app: "web" } }));
    tested.set(9, set("k8s:app=web"));
    const heard: unknown[] = [];
    tested.events.on("selection:changed", ({ selection, added, removed }) => {
      heard.push([selection.selector.key, added, removed, [...all.rows], [...web.rows]]);
    });
    tested.update([
      [1, set("k8s:app=web")],
      [2, set("k8s:app=db")],
      [9, undefined],
    ]);
    expect(heard).toEqual([
      ["app=web", [1], [9], [1, 2], [1]],
      ["*", [1, 2], [9], [1, 2], [1]],
    ]);
  });

  it("does not mention a row whose labels changed beside the point", () => {
    const tested = index();
    tested.acquire(everything);
    tested.set(1, set("k8s:app=web"));
    const heard: SelectionChange[] = [];
    tested.events.on("selection:changed", (change) => heard.push(change));
    tested.set(1, set("k8s:app=db"));
    tested.set(1, set("k8s:app=db"));
    tested.delete(7);
    expect(heard).toEqual([]);
    expect(tested.labelsOf(1)?.key).toBe("k8s:app=db");
  });

  it("tells of changes in order even when a listener makes more of them", () => {
    const tested = index();
    tested.acquire(everything);
    const heard: string[] = [];
    tested.events.on("selection:changed", ({ added }) => {
      if (added.includes(1)) tested.set(2, set());
    });
    tested.events.on("selection:changed", ({ added }) => heard.push(added.join(",")));
    tested.set(1, set());
    expect(heard).toEqual(["1", "2"]);
  });

  it("selects right when selectors came before rows and their first label turns out to be common", () => {
    const tested = index();
    const selections = Array.from({ length: 1000 }, (_, i) =>
      tested.acquire(parseSelector({ matchLabels: { aaa: "common", app: `app-${i}` } })),
    );
    for (let i = 0; i < 1000; i++) tested.set(i, set("k8s:aaa=common", `k8s:app=app-${i}`));
    expect(selections.every(({ rows }, i) => rows.size === 1 && rows.has(i))).toBe(true);
  });

  it("refuses rows that are not row numbers, whole", () => {
    const tested = index();
    for (const bad of [-1, 0.5, 2 ** 32, Number.NaN]) {
      expect(() =>
        tested.update([
          [1, set()],
          [bad, set()],
        ]),
      ).toThrow(expect.objectContaining({ code: "ERR_OPTIONS_INVALID" }));
    }
    expect(tested.size).toBe(0);
  });
});
