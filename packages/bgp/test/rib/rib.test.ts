import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FAMILIES } from "../../src/wire/family.ts";
import { keyOf } from "./support/model.ts";
import { PREFIXES, SETS, steps } from "./support/steps.ts";
import { finish, open, slices, take, world } from "./support/world.ts";

/** Left out and `undefined` are the same. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

const NOTHING = { prefixes: { "ipv4-unicast": 0, "ipv6-unicast": 0 }, attributes: 0 };

describe("Rib", () => {
  it("comes to the best paths of the rules, whatever the order of updates", () => {
    fc.assert(
      fc.property(steps, slices, (taken, slice) => {
        const all = world(slice);
        for (const each of taken) take(all, each);
        finish(all);
        const { rib, ids, model } = all;
        const best = new Map([...rib.best()].map((route) => [route.prefix, route]));
        for (const prefix of PREFIXES) {
          const expected = model.best(prefix);
          const found = best.get(prefix);
          expect(plain(found?.attributes ?? null)).toEqual(plain(expected?.attributes ?? null));
          expect(found?.peer).toBe(expected?.kind === undefined ? undefined : expected.name);
          expect(found?.pathId).toBe(expected?.pathId);
        }
        for (const [index, id] of ids.entries()) {
          const counts = FAMILIES.map((family) => rib.counts(id, family));
          expect(sum(counts.map(({ received }) => received))).toBe(model.told[index]!.size);
          expect(sum(counts.map(({ accepted }) => accepted))).toBe(model.accepted(index).length);
          expect(sum(counts.map(({ stale }) => stale))).toBe(model.stale[index]!.size);
          const received = [...rib.received(id)].map((route) => [keyOf(route), route.attributes] as const);
          const told = [...model.told[index]!].map(([key, { attributes }]) => [key, attributes] as const);
          expect(new Map(received)).toEqual(new Map(told));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("has told each peer exactly what the rules export, whenever nothing is pending", () => {
    fc.assert(
      fc.property(steps, fc.nat(60), slices, (taken, at, slice) => {
        const all = world(slice);
        const { rib, ids, model } = all;
        for (const [index, each] of [...taken, undefined].entries()) {
          if (index === Math.min(at, taken.length)) open(all);
          if (each !== undefined) take(all, each);
        }
        finish(all);
        for (const [index, ends] of all.ends.entries()) {
          const has: string[] = [];
          const keys: string[] = [];
          for (const { family, out, receiver } of ends) {
            expect(out.pending).toBe(0);
            const routes = [...receiver.routes].map(([key, route]) => [key.split("#")[0]!, plain(route)]);
            has.push(...routes.map((route) => sorted(route)));
            keys.push(...receiver.routes.keys());
            const prefixes = new Set(routes.map(([prefix]) => prefix));
            expect(rib.counts(ids[index]!, family).advertised).toBe(prefixes.size);
          }
          expect(has.sort()).toEqual(
            model
              .exported(index)
              .map((route) => sorted(plain(route)))
              .sort(),
          );
          const listed = [...rib.advertised(ids[index]!)].map(({ prefix, pathId }) =>
            pathId === 0 ? prefix : keyOf({ prefix, pathId }),
          );
          expect(listed.sort()).toEqual(keys.sort());
        }
      }),
      { numRuns: 500 },
    );
  });

  it("tells who watches of every best learned route, and of none that there is not", () => {
    fc.assert(
      fc.property(steps, fc.nat(3), slices, (taken, limit, slice) => {
        let called = 0;
        const all = world(slice, () => (called += 1));
        const { rib } = all;
        const known = new Map<string, unknown>();
        const hear = (most: number) => {
          const changes = rib.takeBestChanges(most);
          expect(changes.length).toBeLessThanOrEqual(most);
          for (const { prefix, route } of changes) {
            const before = known.delete(prefix);
            expect(before || route !== undefined).toBe(true);
            if (route !== undefined) known.set(prefix, route);
          }
          return changes.length;
        };
        for (const each of taken) {
          if (each.do === "send") hear(limit);
          else take(all, each);
        }
        finish(all);
        while (hear(100) > 0);
        const learned = [...rib.best()].filter((route) => route.peer !== undefined);
        // That it has gone stale makes it no other, nor does another identifier with the same attributes.
        const same = { stale: expect.any(Boolean) as boolean, pathId: expect.any(Number) as number };
        expect(known).toEqual(new Map(learned.map((route) => [route.prefix, { ...route, ...same }])));
        expect(called > 0 || learned.length === 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps nothing once everything is withdrawn, the peers told so, and the changes taken", () => {
    fc.assert(
      fc.property(steps, slices, (taken, slice) => {
        const all = world(slice, () => {});
        const { rib, ids } = all;
        open(all);
        for (const each of taken) take(all, each);
        for (const set of SETS) rib.advertise(set, []);
        for (const id of ids) rib.drop(id);
        finish(all);
        while (rib.takeBestChanges(100).length > 0);
        expect(rib.sizes()).toEqual(NOTHING);
      }),
      { numRuns: 400 },
    );
  });

  it("keeps nothing of peers that are removed with all they had", () => {
    fc.assert(
      fc.property(steps, slices, (taken, slice) => {
        const all = world(slice, () => {});
        const { rib, ids } = all;
        open(all);
        for (const each of taken) take(all, each);
        for (const set of SETS) rib.advertise(set, []);
        for (const id of ids) rib.removePeer(id);
        while (rib.work());
        rib.watchBest(false);
        expect(rib.sizes()).toEqual(NOTHING);
      }),
    );
  });
});

/** The same text for the same value. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
