import type { RouteChange } from "../api/policy.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { type AsPathSegment, ORIGINS, type PathAttributes } from "../wire/attributes.ts";
import {
  checkAddress,
  checkCommunities,
  checkLargeCommunities,
  checkNumber,
  checkUint32,
  refuse,
} from "./check.ts";
import { withCommunities, withLarge } from "./communities.ts";

/** Changed attributes; `ownAsn` is what is prepended, `undefined`: nothing is. */
export type CompiledChange = (attributes: PathAttributes, ownAsn: number | undefined) => PathAttributes;

/** A segment's count is one byte. */
const LONGEST_SEGMENT = 255;

/** @throws `ERR_BGP_CONFIG`. */
export function compileChange(change: RouteChange, where: string): CompiledChange {
  const nextHop =
    change.nextHop === undefined ? undefined : canonicalAddress(`${where}.nextHop`, change.nextHop);
  if (change.localPref !== undefined) checkUint32(`${where}.localPref`, change.localPref);
  if (typeof change.med === "number") checkUint32(`${where}.med`, change.med);
  if (change.origin !== undefined && !ORIGINS.includes(change.origin)) {
    throw refuse(`${where}.origin`, change.origin, `one of ${ORIGINS.join(", ")}`);
  }
  const prepend = change.prepend === undefined ? 0 : checkNumber(`${where}.prepend`, change.prepend, 0, 64);
  const added = checkCommunities(`${where}.addCommunities`, change.addCommunities);
  const removed = new Set(checkCommunities(`${where}.removeCommunities`, change.removeCommunities));
  const addedLarge = checkLargeCommunities(`${where}.addLargeCommunities`, change.addLargeCommunities);
  const removedLarge = checkLargeCommunities(
    `${where}.removeLargeCommunities`,
    change.removeLargeCommunities,
  );

  return (attributes, ownAsn) => ({
    ...attributes,
    ...(nextHop !== undefined && { nextHop, linkLocalNextHop: undefined }),
    ...(change.localPref !== undefined && { localPref: change.localPref }),
    ...(change.med !== undefined && { med: change.med ?? undefined }),
    ...(change.origin !== undefined && { origin: change.origin }),
    ...(prepend > 0 && ownAsn !== undefined && { asPath: prependAsn(attributes.asPath, ownAsn, prepend) }),
    communities: withCommunities(attributes.communities, added, removed),
    largeCommunities: withLarge(attributes.largeCommunities, addedLarge, removedLarge),
  });
}

/** The path with `asn` before it, `times`: in its first sequence while there is room (RFC 4271 section 5.1.2). */
export function prependAsn(
  path: readonly AsPathSegment[],
  asn: number,
  times: number,
): readonly AsPathSegment[] {
  const [first, ...others] = path;
  const own = Array<number>(times).fill(asn);
  if (first?.type !== "sequence" || first.asns.length + times > LONGEST_SEGMENT) {
    return [{ type: "sequence", asns: own }, ...path];
  }
  return [{ type: "sequence", asns: [...own, ...first.asns] }, ...others];
}

/** The one spelling of an address. @throws `ERR_BGP_CONFIG`. */
export function canonicalAddress(where: string, input: string): string {
  const bytes = parseAddress(checkAddress(where, input))!;
  return formatAddress(bytes, 0, bytes.length === 4 ? 4 : 16);
}
