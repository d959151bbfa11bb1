import { isDeepStrictEqual } from "node:util";
import type { Policy } from "../api/policy.ts";
import type { PathAttributes } from "../wire/attributes.ts";
import type { Family } from "../wire/family.ts";
import type { PeerOut } from "./adj-out.ts";
import { compilePolicy, type CompiledPolicy } from "./compile-policy.ts";
import { Evaluator } from "./evaluator.ts";
import type { FamilyRib } from "./family-rib.ts";
import { Feed } from "./feed.ts";
import { markIngress, refusalOf, type IngressOptions } from "./ingress.ts";
import { KeyCache } from "./key-cache.ts";
import type { RibPeer } from "./peer.ts";
import { canonicalAddress } from "./route-change.ts";
import type { Source } from "./source.ts";

/** What a peer's routes of one family go through. */
export interface PeerPolicy {
  /** What is taken from the peer. @defaultValue nothing */
  readonly import?: Policy | undefined;
  /** What the peer gets. @defaultValue nothing */
  readonly export?: Policy | undefined;
  /** Of what is sent. @defaultValue our address of the session */
  readonly nextHop?: string | undefined;
}

export type PeerPolicies = Readonly<Partial<Record<Family, PeerPolicy>>>;

/** Our end of the session. */
export interface LocalEnd {
  /** The next hop of what we send, where nothing else is said. */
  readonly address: string;
  readonly linkLocal?: string | undefined;
  /** The peer has sent the capability of RFC 9494. @defaultValue false */
  readonly longLived?: boolean | undefined;
}

/** One family of a peer. */
export interface PeerFamily {
  readonly rib: FamilyRib;
  readonly feed: Feed;
  /** Where the peer reaches us: no next hop for what it sends. */
  addresses: ReadonlySet<string>;
  policy: PeerPolicy;
  imports: CompiledPolicy | undefined;
  exports: CompiledPolicy | undefined;
  local: LocalEnd | undefined;
  out: PeerOut | undefined;
}

export interface PeerState {
  peer: RibPeer;
  source: Source;
  readonly keys: KeyCache;
  readonly families: Map<Family, PeerFamily>;
}

export interface CheckedPolicy {
  readonly policy: PeerPolicy;
  readonly imports: CompiledPolicy | undefined;
  readonly exports: CompiledPolicy | undefined;
}

/** @throws `ERR_BGP_CONFIG`. */
export function checkPolicy(peer: string, family: Family, policy: PeerPolicy): CheckedPolicy {
  const where = `peer ${peer}, ${family}`;
  const { nextHop } = policy;
  return {
    policy:
      nextHop === undefined ? policy : { ...policy, nextHop: canonicalAddress(`${where}, nextHop`, nextHop) },
    imports: policy.import && compilePolicy(policy.import, "import", `${where}, import`),
    exports: policy.export && compilePolicy(policy.export, "export", `${where}, export`),
  };
}

export function sameImport(left: PeerPolicy, right: PeerPolicy): boolean {
  return isDeepStrictEqual(left.import, right.import);
}

export function sameExport(left: PeerPolicy, right: PeerPolicy): boolean {
  return isDeepStrictEqual(left.export, right.export) && left.nextHop === right.nextHop;
}

export function newFamily(rib: FamilyRib, source: Source, checked: CheckedPolicy): PeerFamily {
  const feed = new Feed(source, rib.store, rib.table);
  return { rib, feed, addresses: new Set(), ...checked, local: undefined, out: undefined };
}

/** What import makes of a peer's routes, as it is configured now. */
export function importerOf(
  family: PeerFamily,
  peer: RibPeer,
  us: { asn: number; routerId: string },
): Evaluator {
  const options: IngressOptions = { peer, ...us, addresses: family.addresses };
  return new Evaluator(family.rib.store, family.rib.table, family.imports, {
    before: (attributes: PathAttributes) =>
      refusalOf(attributes, options) === undefined ? markIngress(attributes, peer) : undefined,
    after: (attributes) => attributes,
    ownAsn: peer.localAsn,
  });
}
