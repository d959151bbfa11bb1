import * as fc from "fast-check";
import type { Policy } from "../../../src/api/policy.ts";
import type { RibPeer } from "../../../src/rib/peer.ts";
import { Rib } from "../../../src/rib/rib.ts";
import type { PathAttributes } from "../../../src/wire/attributes.ts";
import type { LocalRoute } from "../../../src/api/local-route.ts";
import { bestOf, interpret, type OraclePath } from "./oracle.ts";
import { announce, via, withdraw } from "./updates.ts";

const ASN = 65000;
const LLGR_STALE = 0xffff0006;
const NO_LLGR = 0xffff0007;
export const PREFIXES = ["10.0.0.0/8", "10.1.2.0/24", "0.0.0.0/0"] as const;
export const SETS = ["a", "b"] as const;

export const PEERS: readonly RibPeer[] = [
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
    communities: mostly<number[] | undefined>(
      undefined,
      [65001 * 65536 + 1],
      [LLGR_STALE],
      [NO_LLGR],
      [0xffffff01],
    ),
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

/** Something that happens to a RIB. */
export type Step =
  | {
      readonly do: "announce";
      readonly peer: number;
      readonly prefixes: readonly string[];
      readonly with: PathAttributes;
    }
  | { readonly do: "withdraw"; readonly peer: number; readonly prefixes: readonly string[] }
  | { readonly do: "drop" | "mark" | "sweep" | "last-resort"; readonly peer: number }
  /** A slice of what was left for later. */
  | { readonly do: "work" }
  | { readonly do: "import"; readonly peer: number; readonly policy: number }
  | { readonly do: "advertise"; readonly set: string; readonly routes: readonly LocalRoute[] }
  | { readonly do: "send"; readonly peer: number; readonly limit: number };

/** Mostly the first: what happens to one after another is what goes wrong. */
const peer = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.nat(PEERS.length - 1) },
);
const prefixes = fc.oneof(
  fc.constant([...PREFIXES]),
  fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1 }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("announce" as const), peer, prefixes, with: attributes }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("withdraw" as const), peer, prefixes }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("drop", "mark", "sweep", "last-resort"), peer }),
  },
  { weight: 4, arbitrary: fc.constant({ do: "work" as const }) },
  {
    weight: 4,
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

/** Many: a fault may take six in a row. */
export const steps = fc.array(step, { maxLength: 60, size: "max" });

/** Left out and `undefined` are the same. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What there should be: maps and lists, nothing remembered but what was told. */
class Model {
  readonly told = PEERS.map(() => new Map<string, PathAttributes>());
  readonly stale = PEERS.map(() => new Set<string>());
  readonly imports = PEERS.map(() => 0);
  readonly sets = new Map<string, readonly LocalRoute[]>();

  announce(index: number, prefix: string, route: PathAttributes): void {
    this.told[index]!.set(prefix, route);
    this.stale[index]!.delete(prefix);
  }

  withdraw(index: number, prefix: string): void {
    this.told[index]!.delete(prefix);
    this.stale[index]!.delete(prefix);
  }

  mark(index: number): void {
    for (const prefix of this.told[index]!.keys()) this.stale[index]!.add(prefix);
  }

  sweep(index: number): void {
    for (const prefix of [...this.stale[index]!]) this.withdraw(index, prefix);
  }

  /** RFC 9494 section 4.2. */
  lastResort(index: number): void {
    for (const prefix of [...this.stale[index]!]) {
      const route = this.told[index]!.get(prefix)!;
      const { communities = [] } = route;
      if (communities.includes(NO_LLGR)) this.withdraw(index, prefix);
      else if (!communities.includes(LLGR_STALE))
        this.told[index]!.set(prefix, {
          ...route,
          communities: [...communities, LLGR_STALE].sort((a, b) => a - b),
        });
    }
  }

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
      if (kind !== undefined && communities.includes(LLGR_STALE)) continue;
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

export interface World {
  readonly rib: Rib;
  readonly ids: readonly number[];
  readonly model: Model;
}

/** Prefixes in a slice; `undefined`: everything is done at once. */
export const slices = fc.constantFrom(undefined, 1, 2);

export function world(slice: number | undefined, onBest?: () => void): World {
  const rib = new Rib({
    asn: ASN,
    routerId: "192.0.2.250",
    ...(slice !== undefined && { onWork: () => {}, slice }),
    ...(onBest !== undefined && { onBest }),
  });
  const ids = PEERS.map((each) =>
    rib.addPeer(each, { "ipv4-unicast": { import: IMPORTS[0]!, export: EVERYTHING } }),
  );
  return { rib, ids, model: new Model() };
}

/** Does it, and has the model do it. */
export function take({ rib, ids, model }: World, next: Step): void {
  switch (next.do) {
    case "announce":
      rib.apply(ids[next.peer]!, announce(next.with, ...next.prefixes));
      for (const prefix of next.prefixes) model.announce(next.peer, prefix, next.with);
      break;
    case "withdraw":
      rib.apply(ids[next.peer]!, withdraw(...next.prefixes));
      for (const prefix of next.prefixes) model.withdraw(next.peer, prefix);
      break;
    case "drop":
      rib.drop(ids[next.peer]!);
      for (const prefix of PREFIXES) model.withdraw(next.peer, prefix);
      break;
    case "mark":
      rib.markStale(ids[next.peer]!, "ipv4-unicast");
      model.mark(next.peer);
      break;
    case "sweep":
      rib.sweepStale(ids[next.peer]!, "ipv4-unicast");
      model.sweep(next.peer);
      break;
    case "last-resort":
      rib.markLongLivedStale(ids[next.peer]!, "ipv4-unicast");
      model.lastResort(next.peer);
      break;
    case "work":
      rib.work();
      break;
    case "import":
      model.imports[next.peer] = next.policy;
      rib.setPolicies(ids[next.peer]!, {
        "ipv4-unicast": { import: IMPORTS[next.policy]!, export: EVERYTHING },
      });
      break;
    case "advertise":
      rib.advertise(next.set, next.routes);
      if (next.routes.length === 0) model.sets.delete(next.set);
      else model.sets.set(next.set, next.routes);
      break;
    case "send":
      break;
  }
}

/** All that was left for later. */
export function finish({ rib }: World): void {
  while (rib.work());
}
