import * as fc from "fast-check";
import type { LocalRoute } from "../../../src/api/local-route.ts";
import type { Policy } from "../../../src/api/policy.ts";
import type { RibPeer } from "../../../src/rib/peer.ts";
import type { PathAttributes } from "../../../src/wire/attributes.ts";
import { LLGR_STALE, NO_EXPORT, NO_LLGR } from "../../../src/wire/communities.ts";
import { via } from "./updates.ts";

export const ASN = 65000;
export const PREFIXES = ["10.0.0.0/8", "10.1.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::/0"] as const;
export const SETS = ["a", "b"] as const;

export const PEERS: readonly RibPeer[] = [
  { name: "p1", kind: "external", asn: 65001, localAsn: ASN, routerId: "9.9.9.9", address: "192.0.2.1" },
  { name: "p2", kind: "external", asn: 65002, localAsn: ASN, routerId: "1.1.1.1", address: "192.0.2.2" },
  { name: "p3", kind: "external", asn: 65001, localAsn: ASN, routerId: "1.1.1.1", address: "192.0.2.3" },
  { name: "i1", kind: "internal", asn: ASN, localAsn: ASN, routerId: "5.5.5.5", address: "192.0.2.4" },
  { name: "i2", kind: "internal", asn: ASN, localAsn: ASN, routerId: "200.5.5.5", address: "192.0.2.5" },
];
/** Who tells several paths of a prefix, and who is told them: RFC 7911. */
export const TELL_SEVERAL: ReadonlySet<string> = new Set(["p2", "i1"]);
export const TAKE_SEVERAL: ReadonlySet<string> = new Set(["p3", "i2"]);

export const IMPORTS: readonly Policy[] = [
  { statements: [{ action: "accept" }] },
  {
    statements: [
      {
        match: {
          prefixes: [
            { prefix: "10.0.0.0/8", minLength: 16 },
            { prefix: "::/0", minLength: 32 },
          ],
        },
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

export const EXPORTS: readonly Policy[] = [
  { statements: [{ action: "accept" }] },
  {
    statements: [
      { match: { peers: ["p1", "i2"] }, action: "reject" },
      {
        match: { prefixes: [{ prefix: "10.0.0.0/8", maxLength: 24 }, { prefix: "::/0" }] },
        action: "accept",
        set: { addCommunities: ["65000:9"], med: 3, prepend: 1 },
      },
      { match: { sets: ["a"] }, action: "reject" },
      { action: "accept" },
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
      [NO_EXPORT],
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

interface Told {
  readonly peer: number;
  readonly prefixes: readonly string[];
  /** Of peers that tell several. */
  readonly pathId: number;
}

/** Something that happens to a RIB. */
export type Step =
  | ({ readonly do: "announce"; readonly with: PathAttributes } & Told)
  | ({ readonly do: "withdraw" } & Told)
  | { readonly do: "drop" | "mark" | "sweep" | "last-resort"; readonly peer: number }
  /** A slice of what was left for later. */
  | { readonly do: "work" }
  | { readonly do: "import" | "export"; readonly peer: number; readonly policy: number }
  | { readonly do: "advertise"; readonly set: string; readonly routes: readonly LocalRoute[] }
  | { readonly do: "refresh"; readonly peer: number }
  | { readonly do: "send"; readonly peer: number; readonly limit: number };

/** Mostly the first: what happens to one after another is what goes wrong. */
const peer = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.nat(PEERS.length - 1) },
);
const told = {
  peer,
  prefixes: fc.oneof(
    { weight: 2, arbitrary: fc.constant([...PREFIXES]) },
    { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1 }) },
  ),
  pathId: mostly(0, 1, 7),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("announce" as const), ...told, with: attributes }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("withdraw" as const), ...told }) },
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
    arbitrary: fc.record({ do: fc.constant("export" as const), peer, policy: fc.nat(EXPORTS.length - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("advertise" as const),
      set: fc.constantFrom(...SETS),
      routes: fc.uniqueArray(local, { selector: (route) => route.prefix, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refresh" as const), peer }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), peer, limit: fc.nat(2) }) },
);

/** Many: a fault may take six in a row. */
export const steps = fc.array(step, { maxLength: 60, size: "max" });
