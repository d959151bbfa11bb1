import type { PathAttributes } from "../wire/attributes.ts";
import { LLGR_STALE, NO_ADVERTISE, NO_EXPORT, NO_EXPORT_SUBCONFED } from "../wire/communities.ts";
import type { RibPeer } from "./peer.ts";
import { prependAsn } from "./route-change.ts";

/** What stands between our routes and a peer besides its export policy. */
export interface EgressOptions {
  readonly peer: RibPeer;
  /** Next hop of what has none of its own. */
  readonly nextHop: string;
  readonly linkLocal: string | undefined;
  /** The peer has said that it knows what long-lived stale routes are: RFC 9494 section 4.3. */
  readonly longLived: boolean;
}

export type LearnedFrom = "local" | "external" | "internal";

const OUR_NEXT_HOP: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
const DEFAULT_LOCAL_PREF = 100;

/** Why a route is not for this peer whatever the policy says; `undefined`: it may be. */
export function withheldBecause(
  attributes: PathAttributes,
  from: LearnedFrom,
  { peer, longLived }: EgressOptions,
): string | undefined {
  // What we say of our own routes is for who gets them.
  if (from !== "local") {
    const { communities = [] } = attributes;
    if (communities.includes(NO_ADVERTISE)) return "it has NO_ADVERTISE";
    if (peer.kind === "external") {
      if (communities.includes(NO_EXPORT)) return "it has NO_EXPORT";
      if (communities.includes(NO_EXPORT_SUBCONFED)) return "it has NO_EXPORT_SUBCONFED";
    }
    if (!longLived && communities.includes(LLGR_STALE))
      return "it is stale, and the peer knows no such routes";
  }
  if (from === "internal" && peer.kind === "internal") return "both are internal, and we reflect nothing";
  const { role, kind } = peer;
  const upwards = kind === "external" && (role === "customer" || role === "peer" || role === "rs-client");
  if (upwards && attributes.onlyToCustomer !== undefined) return "it is only for customers";
  return undefined;
}

/** The route as the policy sees it: what the peer's AS has no business with is gone, and the next hop is ours. */
export function prepareEgress(
  attributes: PathAttributes,
  from: LearnedFrom,
  { peer, nextHop, linkLocal }: EgressOptions,
): PathAttributes {
  const own = from === "local" && !OUR_NEXT_HOP.has(attributes.nextHop);
  const hop = own
    ? { nextHop: attributes.nextHop, linkLocalNextHop: attributes.linkLocalNextHop }
    : { nextHop, linkLocalNextHop: linkLocal };
  if (peer.kind === "internal") {
    // An internal peer would take a path with our own AS in it for a loop.
    const asPath = from === "local" ? [] : attributes.asPath;
    return { ...attributes, ...hop, asPath };
  }
  return {
    ...attributes,
    ...hop,
    med: from === "local" ? attributes.med : undefined,
    originatorId: undefined,
    clusterList: undefined,
    asPath: attributes.asPath.filter(({ type }) => type === "sequence" || type === "set"),
  };
}

/** The route as it is sent. */
export function finishEgress(attributes: PathAttributes, { peer }: EgressOptions): PathAttributes {
  if (peer.kind === "internal") {
    return { ...attributes, localPref: attributes.localPref ?? DEFAULT_LOCAL_PREF };
  }
  const { role, localAsn } = peer;
  const downwards = role === "provider" || role === "peer" || role === "rs";
  const onlyToCustomer = attributes.onlyToCustomer ?? (downwards ? localAsn : undefined);
  const asPath = prependAsn(attributes.asPath, localAsn, 1);
  return { ...attributes, asPath, localPref: undefined, onlyToCustomer };
}
