import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Policy } from "../../src/rib/policy.ts";
import type { RibPeer } from "../../src/rib/peer.ts";
import { Rib } from "../../src/rib/rib.ts";
import type { PathAttributes } from "../../src/wire/attributes.ts";
import type { LocalRoute } from "../../src/speaker/types.ts";
import { bestOf, interpret, type OraclePath } from "./support/oracle.ts";
import { Receiver } from "./support/receiver.ts";
import { announce, CONTEXT, via, withdraw } from "./support/updates.ts";

const ASN = 65000;
const PREFIXES = ["10.0.0.0/8", "10.1.2.0/24", "0.0.0.0/0"] as const;
const SETS = ["a", "b"] as const;

const PEERS: readonly RibPeer[] = [
  { name: "p1", kind: "external", asn: 65001, localAsn: ASN, routerId: "9.9.9.9", address: "192.0.2.1" },
  { name: "p2", kind: "external", asn: 65002, localAsn: ASN, routerId: "1.1.1.1", address: "192.0.2.2" },
  { name: "p3", kind: "external", asn: 65001, localAsn: ASN, routerId: "1.1.1.1", address: "192.0.2.3" },
  { name: "i1", kind: "internal", asn: ASN, localAsn: ASN, routerId: "5.5.5.5", address: "192.0.2.4" },
  { name: "i2", kind: "internal", asn: ASN, localAsn: ASN, routerId: "200.5.5.5", address: "192.0.2.5" },
];

const IMPORTS: readonly Policy[] = [
  { statements: [{ action: "accept" }] },
  {
    statements: [
      {
        match: { prefixes: [{ prefix: "10.0.0.0/8", minLength: 16 }] },
        action: "accept",
        set: { localPref: 200 },
      },
      { match: { communities: ["65001:1"] }, action: "reject" },
      { match: { asPath: { from: 65001 } }, action: "accept", set: { med: null } },
      { action: "accept", set: { addCommunities: ["65001:1"] } },
    ],
  },
  { statements: [] },
];

/** Mostly the same, so that a later rule decides. */
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );

const attributes: fc.Arbitrary<PathAttributes> = fc
  .record({
    path: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom([65001, 7], [65002, 7]) },
      { weight: 1, arbitrary: fc.constantFrom([65001], [65002, 7, 8], []) },
    ),
    origin: mostly<PathAttributes["origin"]>("igp", "egp", "incomplete"),
    med: fc.constantFrom(undefined, 5, 10),
    localPref: mostly<number | undefined>(undefined, 100, 150),
    communities: mostly<number[] | undefined>(undefined, [65001 * 65536 + 1], [0xffff0006], [0xffffff01]),
    originatorId: mostly<string | undefined>(undefined, "4.4.4.4"),
  })
  .map(({ path, ...others }) =>
    path.length === 0 ? { ...via([]), asPath: [], ...others } : { ...via(path), ...others },
  );

const local: fc.Arbitrary<LocalRoute> = fc.record(
  {
    prefix: fc.constantFrom(...PREFIXES),
    localPref: fc.constantFrom(50, 100, 300),
    med: fc.constantFrom(0, 7),
    prepend: fc.constantFrom(0, 2),
  },
  { requiredKeys: ["prefix"] },
);

type Step =
  | {
      readonly do: "announce";
      readonly peer: number;
      readonly prefixes: readonly string[];
      readonly with: PathAttributes;
    }
  | { readonly do: "withdraw"; readonly peer: number; readonly prefixes: readonly string[] }
  | { readonly do: "drop"; readonly peer: number }
  | { readonly do: "import"; readonly peer: number; readonly policy: number }
  | { readonly do: "advertise"; readonly set: string; readonly routes: readonly LocalRoute[] }
  | { readonly do: "send"; readonly peer: number; readonly limit: number };

const peer = fc.nat(PEERS.length - 1);
const prefixes = fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("announce" as const), peer, prefixes, with: attributes }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("withdraw" as const), peer, prefixes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), peer }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("import" as const), peer, policy: fc.nat(IMPORTS.length - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("advertise" as const),
      set: fc.constantFrom(...SETS),
      routes: fc.uniqueArray(local, { selector: (route) => route.prefix, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("send" as const), peer, limit: fc.nat(2) }) },
);

/** Left out and `undefined` are the same. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What there should be: maps and lists, nothing remembered but what was told. */
class Model {
  readonly told = PEERS.map(() => new Map<string, PathAttributes>());
  readonly imports = PEERS.map(() => 0);
  readonly sets = new Map<string, readonly LocalRoute[]>();

  accepted(index: number): Map<string, PathAttributes> {
    const accepted = new Map<string, PathAttributes>();
    for (const [prefix, route] of this.told[index]!) {
      if (route.asPath.some(({ asns }) => asns.includes(ASN))) continue;
      const result = interpret(IMPORTS[this.imports[index]!], prefix, route, ASN);
      if (result !== undefined) accepted.set(prefix, result);
    }
    return accepted;
  }

  best(prefix: string): OraclePath | undefined {
    const paths: OraclePath[] = [];
    for (const [index, { kind, name, routerId, address }] of PEERS.entries()) {
      const route = this.accepted(index).get(prefix);
      if (route !== undefined) paths.push({ attributes: route, kind, name, routerId, address, pathId: 0 });
    }
    for (const [name, routes] of this.sets) {
      const route = routes.find((each) => each.prefix === prefix);
      if (route === undefined) continue;
      const asPath =
        (route.prepend ?? 0) > 0
          ? [{ type: "sequence" as const, asns: Array<number>(route.prepend!).fill(ASN) }]
          : [];
      const { med, localPref } = route;
      const ours = { origin: "igp" as const, asPath, nextHop: "0.0.0.0", med, localPref };
      paths.push({ attributes: ours, kind: undefined, name, routerId: "0.0.0.0", address: "", pathId: 0 });
    }
    return bestOf(paths);
  }

  /** RFC 4271 section 9.1.3 and 9.2, with everything accepted for export. */
  exported(index: number): Map<string, PathAttributes> {
    const to = PEERS[index]!;
    const result = new Map<string, PathAttributes>();
    for (const prefix of PREFIXES) {
      const best = this.best(prefix);
      if (best === undefined || best.name === to.name) continue;
      const { attributes: route, kind } = best;
      const { communities = [] } = route;
      if (kind !== undefined && communities.includes(0xffff0006)) continue;
      if (kind !== undefined && to.kind === "external" && communities.includes(0xffffff01)) continue;
      if (kind === "internal" && to.kind === "internal") continue;
      const nextHop = "198.51.100.1";
      if (to.kind === "internal") {
        const asPath = kind === undefined ? [] : route.asPath;
        result.set(prefix, { ...route, asPath, nextHop, localPref: route.localPref ?? 100 });
        continue;
      }
      const asns = [ASN, ...route.asPath.flatMap((segment) => segment.asns)];
      const med = kind === undefined ? route.med : undefined;
      const gone = { localPref: undefined, originatorId: undefined };
      result.set(prefix, { ...route, ...gone, asPath: [{ type: "sequence", asns }], nextHop, med });
    }
    return result;
  }
}

const EVERYTHING: Policy = { statements: [{ action: "accept" }] };

interface World {
  readonly rib: Rib;
  readonly ids: readonly number[];
  readonly model: Model;
}

function world(onBest?: () => void): World {
  const rib = new Rib({ asn: ASN, routerId: "192.0.2.250", ...(onBest !== undefined && { onBest }) });
  const ids = PEERS.map((each) =>
    rib.addPeer(each, { "ipv4-unicast": { import: IMPORTS[0]!, export: EVERYTHING } }),
  );
  return { rib, ids, model: new Model() };
}

function take({ rib, ids, model }: World, next: Step): void {
  if (next.do === "announce") {
    rib.apply(ids[next.peer]!, announce(next.with, ...next.prefixes));
    for (const prefix of next.prefixes) model.told[next.peer]!.set(prefix, next.with);
  } else if (next.do === "withdraw") {
    rib.apply(ids[next.peer]!, withdraw(...next.prefixes));
    for (const prefix of next.prefixes) model.told[next.peer]!.delete(prefix);
  } else if (next.do === "drop") {
    rib.drop(ids[next.peer]!);
    model.told[next.peer]!.clear();
  } else if (next.do === "import") {
    model.imports[next.peer] = next.policy;
    rib.setPolicies(ids[next.peer]!, {
      "ipv4-unicast": { import: IMPORTS[next.policy]!, export: EVERYTHING },
    });
  } else if (next.do === "advertise") {
    rib.advertise(next.set, next.routes);
    if (next.routes.length === 0) model.sets.delete(next.set);
    else model.sets.set(next.set, next.routes);
  }
}

describe("Rib", () => {
  it("comes to the best paths of the rules, whatever the order of updates", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const all = world();
        for (const each of steps) take(all, each);
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
            0,
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
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, at) => {
        const all = world();
        const { rib, ids, model } = all;
        const open = () =>
          PEERS.map(({ kind }, index) => {
            const context = { ...CONTEXT, internal: kind === "internal" };
            const out = rib.openOut(ids[index]!, "ipv4-unicast", context, { address: "198.51.100.1" });
            return { out, receiver: new Receiver(context) };
          });
        let ends: ReturnType<typeof open> = [];
        for (const [index, each] of [...steps, undefined].entries()) {
          if (index === Math.min(at, steps.length)) ends = open();
          if (each?.do === "send") ends[each.peer]?.receiver.listen(ends[each.peer]!.out, each.limit);
          else if (each !== undefined) take(all, each);
        }
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
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, limit) => {
        let called = 0;
        const all = world(() => (called += 1));
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
        for (const each of steps) {
          if (each.do === "send") hear(limit);
          else take(all, each);
        }
        while (hear(100) > 0);
        const learned = [...rib.best()].filter((route) => route.peer !== undefined);
        expect(known).toEqual(new Map(learned.map((route) => [route.prefix, route])));
        expect(called > 0 || learned.length === 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps nothing once everything is withdrawn, the peers told so, and the changes taken", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const all = world(() => {});
        const { rib, ids } = all;
        const ends = PEERS.map(({ kind }, index) => {
          const context = { ...CONTEXT, internal: kind === "internal" };
          return rib.openOut(ids[index]!, "ipv4-unicast", context, { address: "198.51.100.1" });
        });
        for (const each of steps) {
          if (each.do === "send") ends[each.peer]!.next();
          else take(all, each);
        }
        for (const set of SETS) rib.advertise(set, []);
        for (const id of ids) rib.drop(id);
        for (const out of ends) while (out.next() !== undefined);
        while (rib.takeBestChanges(100).length > 0);
        expect(rib.sizes()).toEqual({ prefixes: { "ipv4-unicast": 0, "ipv6-unicast": 0 }, attributes: 0 });
      }),
      { numRuns: 400 },
    );
  });

  it("keeps nothing of peers that are removed with all they had", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const all = world(() => {});
        const { rib, ids } = all;
        const ends = PEERS.map(({ kind }, index) =>
          rib.openOut(
            ids[index]!,
            "ipv4-unicast",
            { ...CONTEXT, internal: kind === "internal" },
            { address: "198.51.100.1" },
          ),
        );
        for (const each of steps) {
          if (each.do === "send") ends[each.peer]!.next();
          else take(all, each);
        }
        for (const set of SETS) rib.advertise(set, []);
        for (const id of ids) rib.removePeer(id);
        rib.watchBest(false);
        expect(rib.sizes()).toEqual({ prefixes: { "ipv4-unicast": 0, "ipv6-unicast": 0 }, attributes: 0 });
      }),
    );
  });
});
