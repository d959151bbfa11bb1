import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { finish, PEERS, plain, PREFIXES, SETS, slices, steps, take, world } from "./support/model.ts";
import { Receiver } from "./support/receiver.ts";
import { CONTEXT } from "./support/updates.ts";

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
        }
        for (const [index, id] of ids.entries()) {
          const { received, accepted, stale } = rib.counts(id, "ipv4-unicast");
          expect([received, accepted, stale]).toEqual([
            model.told[index]!.size,
            model.accepted(index).size,
            model.stale[index]!.size,
          ]);
          const routes = [...rib.received(id)];
          expect(new Map(routes.map((route) => [route.prefix, route.attributes]))).toEqual(model.told[index]);
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
        const open = () =>
          PEERS.map(({ kind }, index) => {
            const context = { ...CONTEXT, internal: kind === "internal" };
            const out = rib.openOut(ids[index]!, "ipv4-unicast", context, { address: "198.51.100.1" });
            return { out, receiver: new Receiver(context) };
          });
        let ends: ReturnType<typeof open> = [];
        for (const [index, each] of [...taken, undefined].entries()) {
          if (index === Math.min(at, taken.length)) ends = open();
          if (each?.do === "send") ends[each.peer]?.receiver.listen(ends[each.peer]!.out, each.limit);
          else if (each !== undefined) take(all, each);
        }
        finish(all);
        for (const [index, { out, receiver }] of ends.entries()) {
          receiver.listen(out);
          expect(out.pending).toBe(0);
          expect(new Map([...receiver.routes].map(([prefix, route]) => [prefix, plain(route)]))).toEqual(
            new Map([...model.exported(index)].map(([prefix, route]) => [prefix, plain(route)])),
          );
          expect(rib.counts(ids[index]!, "ipv4-unicast").advertised).toBe(receiver.routes.size);
          expect([...rib.advertised(ids[index]!)].map(({ prefix }) => prefix).sort()).toEqual(
            [...receiver.routes.keys()].sort(),
          );
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
        // That a route has gone stale makes it no other.
        expect(known).toEqual(
          new Map(
            learned.map((route) => [route.prefix, { ...route, stale: expect.any(Boolean) as boolean }]),
          ),
        );
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
        const ends = PEERS.map(({ kind }, index) => {
          const context = { ...CONTEXT, internal: kind === "internal" };
          return rib.openOut(ids[index]!, "ipv4-unicast", context, { address: "198.51.100.1" });
        });
        for (const each of taken) {
          if (each.do === "send") ends[each.peer]!.next();
          else take(all, each);
        }
        for (const set of SETS) rib.advertise(set, []);
        for (const id of ids) rib.drop(id);
        finish(all);
        for (const out of ends) while (out.next() !== undefined);
        while (rib.takeBestChanges(100).length > 0);
        expect(rib.sizes()).toEqual({ prefixes: { "ipv4-unicast": 0, "ipv6-unicast": 0 }, attributes: 0 });
      }),
      { numRuns: 400 },
    );
  });

  it("keeps nothing of peers that are removed with all they had", () => {
    fc.assert(
      fc.property(steps, slices, (taken, slice) => {
        const all = world(slice, () => {});
        const { rib, ids } = all;
        const ends = PEERS.map(({ kind }, index) =>
          rib.openOut(
            ids[index]!,
            "ipv4-unicast",
            { ...CONTEXT, internal: kind === "internal" },
            { address: "198.51.100.1" },
          ),
        );
        for (const each of taken) {
          if (each.do === "send") ends[each.peer]!.next();
          else take(all, each);
        }
        for (const set of SETS) rib.advertise(set, []);
        for (const id of ids) rib.removePeer(id);
        finish(all);
        rib.watchBest(false);
        expect(rib.sizes()).toEqual({ prefixes: { "ipv4-unicast": 0, "ipv6-unicast": 0 }, attributes: 0 });
      }),
    );
  });
});
