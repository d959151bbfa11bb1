import type { AsPathSegment, PathAttributes } from "../wire/attributes.ts";
import { FAMILIES, type Family } from "../wire/family.ts";
import type { LocalRoute } from "../speaker/types.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { checkCommunities, checkLargeCommunities, checkNumber, checkUint32, refuse } from "./check.ts";
import { grown } from "./growable.ts";
import { parsePrefix } from "./prefix-text.ts";
import { canonicalAddress } from "./route-change.ts";

/** Routes of a set that have been read: prefixes one after another as on the wire, and attributes for each. */
export interface ReadRoutes {
  readonly family: Family;
  readonly bytes: Uint8Array;
  readonly ids: readonly number[];
}

/** "Ours": replaced by our address of the session when it is sent. */
const OURS: Readonly<Record<Family, string>> = { "ipv4-unicast": "0.0.0.0", "ipv6-unicast": "::" };

/**
 * Reads routes of ours. Nothing but the store is touched, so that nothing has happened where it throws.
 *
 * @throws `ERR_BGP_CONFIG`: names the route that cannot be right.
 */
export function readRoutes(
  set: string,
  routes: readonly LocalRoute[],
  asn: number,
  store: AttributeStore,
): readonly ReadRoutes[] {
  const read = FAMILIES.map((family) => ({
    family,
    bytes: new Uint8Array(64),
    length: 0,
    ids: [] as number[],
  }));
  const known = new Map<string, number>();
  for (const [at, route] of routes.entries()) {
    const prefix = parsePrefix(route.prefix);
    if (prefix === undefined) {
      throw refuse(
        `set ${set}[${at}].prefix`,
        route.prefix,
        "a prefix such as 10.0.0.0/8 with no bits set behind its length",
      );
    }
    const key = keyOf(route, prefix.family);
    let id = known.get(key);
    if (id === undefined) {
      id = store.intern(attributesOf(route, prefix.family, asn, `set ${set}[${at}]`));
      known.set(key, id);
    }
    const into = prefix.family === "ipv4-unicast" ? read[0]! : read[1]!;
    into.bytes = grown(into.bytes, into.length + prefix.bytes.length);
    into.bytes.set(prefix.bytes, into.length);
    into.length += prefix.bytes.length;
    into.ids.push(id);
  }
  return read.map(({ family, bytes, length, ids }) => ({ family, bytes: bytes.subarray(0, length), ids }));
}

/** The same for routes with the same attributes: most of a large set have few. */
function keyOf(route: LocalRoute, family: Family): string {
  const { nextHop, localPref, med, communities, largeCommunities, prepend } = route;
  return `${family} ${nextHop} ${localPref} ${med} ${prepend} ${communities?.join()} ${largeCommunities?.join()}`;
}

function attributesOf(route: LocalRoute, family: Family, asn: number, where: string): PathAttributes {
  const { localPref, med, prepend = 0 } = route;
  if (localPref !== undefined) checkUint32(`${where}.localPref`, localPref);
  if (med !== undefined) checkUint32(`${where}.med`, med);
  checkNumber(`${where}.prepend`, prepend, 0, 64);
  const communities = checkCommunities(`${where}.communities`, route.communities);
  const largeCommunities = checkLargeCommunities(`${where}.largeCommunities`, route.largeCommunities);
  const asPath: readonly AsPathSegment[] =
    prepend === 0 ? [] : [{ type: "sequence", asns: Array<number>(prepend).fill(asn) }];
  return {
    origin: "igp",
    asPath,
    nextHop: route.nextHop === undefined ? OURS[family] : canonicalAddress(`${where}.nextHop`, route.nextHop),
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    ...(communities.length > 0 && { communities: [...new Set(communities)].sort((a, b) => a - b) }),
    ...(largeCommunities.length > 0 && { largeCommunities }),
  };
}
