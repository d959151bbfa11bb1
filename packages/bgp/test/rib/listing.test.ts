import { describe, expect, it } from "vitest";
import type { Policy } from "../../src/api/policy.ts";
import type { RibRoute } from "../../src/api/status.ts";
import type { RibPeer } from "../../src/rib/peer.ts";
import { Rib } from "../../src/rib/rib.ts";
import { announce, CONTEXT, via, withdraw } from "./support/updates.ts";

const V4 = "ipv4-unicast";
const ALL: Policy = { statements: [{ action: "accept" }] };
const PREFIXES = [10, 11, 12, 13, 14, 15].map((number) => `${number}.0.0.0/8`);

const peerNamed = (number: number): RibPeer => ({
  name: `p${number}`,
  kind: "external",
  asn: 65000 + number,
  localAsn: 65000,
  routerId: `192.0.2.${number}`,
  address: `192.0.2.${number}`,
});

/** `p1` has told all, in two paths of each prefix where there are `several`, and `p2` has been told. */
function world(several: boolean) {
  const rib = new Rib({ asn: 65000, routerId: "192.0.2.250", onWork: () => {}, slice: 2 });
  const [from, to] = [1, 2].map((number) =>
    rib.addPeer(peerNamed(number), { [V4]: { import: ALL, export: ALL } }),
  );
  const tell = (...prefixes: readonly string[]) => {
    if (!several) return rib.apply(from!, announce(via([65001]), ...prefixes));
    const paths = (pathId: number) => prefixes.map((prefix) => [prefix, pathId] as const);
    rib.apply(from!, announce(via([65001]), ...paths(1)));
    rib.apply(from!, announce(via([65001, 7]), ...paths(2)));
  };
  tell(...PREFIXES);
  const context = { ...CONTEXT, addPathSend: several ? [V4 as typeof V4] : [] };
  const out = rib.openOut(to!, V4, context, { address: "198.51.100.1" });
  while (out.next() !== undefined);
  return { rib, from: from!, to: to!, out, tell };
}

type World = ReturnType<typeof world>;

/** What may happen between two routes of a list. */
const EVENTS: Readonly<Record<string, (all: World) => void>> = {
  "the peer's routes go": ({ rib, from }) => rib.drop(from),
  "the peer takes some back": ({ rib, from }) => {
    rib.apply(from, withdraw(...PREFIXES.slice(2)));
    rib.apply(from, withdraw(...PREFIXES.map((prefix) => [prefix, 2] as const)));
  },
  "the peer is removed": ({ rib, from }) => rib.removePeer(from),
  "the session ends": ({ rib, to }) => rib.closeOut(to, V4),
  "who was told is removed": ({ rib, to }) => rib.removePeer(to),
  "another session begins": ({ rib, to }) =>
    void rib.openOut(to, V4, { ...CONTEXT }, { address: "198.51.100.1" }),
  "all are gone and others come": ({ rib, from, to }) => {
    rib.removePeer(from);
    rib.removePeer(to);
    while (rib.work());
    rib.sizes();
    for (const number of [3, 4]) rib.addPeer(peerNamed(number), { [V4]: { import: ALL, export: ALL } });
    rib.apply(to, announce(via([65003, 1]), "20.0.0.0/8", "21.0.0.0/8"));
    rib.apply(from, announce(via([65004, 2]), "22.0.0.0/8", "23.0.0.0/8"));
  },
};

const LISTS = {
  best: ({ rib }: World) => rib.best(),
  received: ({ rib, from }: World) => rib.received(from),
  advertised: ({ rib, to }: World) => rib.advertised(to),
};

describe.each([false, true])("a list of routes (several paths: %s)", (several) => {
  describe.each(Object.entries(LISTS))("%s", (_, listOf) => {
    it.each(Object.entries(EVENTS))("has nothing but routes, though %s meanwhile", (__, happen) => {
      for (const at of [0, 1, 2, 5]) {
        const all = world(several);
        const routes: RibRoute[] = [];
        const list = listOf(all)[Symbol.iterator]();
        for (let count = 0; ; count += 1) {
          if (count === at) {
            happen(all);
            while (all.out.next() !== undefined);
            all.rib.sizes();
          }
          const next = list.next();
          if (next.done === true) break;
          routes.push(next.value);
        }
        for (const { attributes, prefix } of routes) {
          expect(attributes).toMatchObject({ origin: "igp", asPath: expect.anything() as unknown });
          expect(prefix).toMatch(/^[12]\d\.0\.0\.0\/8$/);
        }
      }
    });
  });

  it("is of the peer that was asked for, not of the next with its number", () => {
    const all = world(several);
    const lists = [all.rib.received(all.from), all.rib.advertised(all.to)];
    EVENTS["all are gone and others come"]!(all);
    for (const list of lists) expect([...list]).toEqual([]);
  });
});

it("a list of routes of nobody is refused at once", () => {
  const { rib } = world(false);
  expect(() => rib.received(9)).toThrow(RangeError);
  expect(() => rib.advertised(9)).toThrow(RangeError);
});
