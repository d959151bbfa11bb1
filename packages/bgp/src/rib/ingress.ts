import type { PathAttributes } from "../wire/attributes.ts";
import type { RibPeer } from "./peer.ts";

/** What a peer's routes are held against before its import policy. */
export interface IngressOptions {
  readonly peer: RibPeer;
  /** Ours. */
  readonly asn: number;
  readonly routerId: string;
  /** Where the peer reaches us. */
  readonly addresses: ReadonlySet<string>;
}

/**
 * Why a route cannot be used whatever the policy says; `undefined`: it can. RFC 4271 sections 5.1.3, 6.3 and 9.1.2, RFC 4456
 * section 8, RFC 9234 section 5. It counts as received, and is as good as withdrawn: RFC 7606 section 7.2.
 */
export function refusalOf(attributes: PathAttributes, options: IngressOptions): string | undefined {
  const { peer, asn, routerId, addresses } = options;
  for (const { asns } of attributes.asPath) {
    if (asns.includes(asn) || asns.includes(peer.localAsn)) return "our AS is in its path";
  }
  if (peer.kind === "external" && peer.enforceFirstAs === true && !beginsWith(attributes, peer.asn))
    return "its path does not begin with the peer's AS";
  if (attributes.originatorId === routerId) return "we are its originator";
  if (attributes.clusterList?.includes(routerId) === true) return "our cluster has reflected it";
  if (addresses.has(attributes.nextHop)) return "its next hop is our own address";
  return leakOf(attributes, peer);
}

/** Marks what may only go on to customers: RFC 9234 section 5. The same object where nothing changes. */
export function markIngress(attributes: PathAttributes, { kind, role, asn }: RibPeer): PathAttributes {
  if (kind !== "external" || attributes.onlyToCustomer !== undefined) return attributes;
  const marked = role === "customer" || role === "peer" || role === "rs-client";
  return marked ? { ...attributes, onlyToCustomer: asn } : attributes;
}

function beginsWith({ asPath: [first] }: PathAttributes, asn: number): boolean {
  return first?.type === "sequence" && first.asns[0] === asn;
}

function leakOf({ onlyToCustomer }: PathAttributes, { kind, role, asn }: RibPeer): string | undefined {
  if (kind !== "external" || onlyToCustomer === undefined) return undefined;
  if (role === "provider" || role === "rs") return "it is only for customers, and a customer sent it: a leak";
  if (role === "peer" && onlyToCustomer !== asn) return "it is only for customers, of another AS: a leak";
  return undefined;
}
