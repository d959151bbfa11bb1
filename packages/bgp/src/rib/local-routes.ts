import type { LocalRoute } from "../api/local-route.ts";
import type { AsPathSegment, PathAttributes } from "../wire/attributes.ts";
import { type Family, WIDTH } from "../wire/family.ts";
import { parsePrefix } from "../wire/prefix-text.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { checkCommunities, checkLargeCommunities, checkNumber, checkUint32, refuse } from "./check.ts";
import { withCommunities, withLarge } from "./communities.ts";
import { grown } from "./growable.ts";
import { canonicalAddress } from "./route-change.ts";

/** Routes that have been read: prefixes one after another as on the wire, and attributes for each. */
export interface ReadRoutes {
  readonly bytes: Uint8Array;
  readonly ids: Int32Array;
}

/** "Ours": replaced by our address of the session when it is sent. */
const OURS: Readonly<Record<Family, string>> = { "ipv4-unicast": "0.0.0.0", "ipv6-unicast": "::" };

/**
 * Reads a set of our own routes, as many at a time as one likes. Nothing but the store is touched, so that nothing has
 * happened where it throws; {@link RouteReader.release} is to be called in any case.
 */
export class RouteReader {
  /** Ours. */
  readonly asn: number;
  readonly #set: string;
  readonly #store: AttributeStore;
  readonly #columns: Readonly<Record<Family, Columns>> = {
    "ipv4-unicast": new Columns(),
    "ipv6-unicast": new Columns(),
  };
  /** Attributes of the set, held. */
  readonly #known = new Map<string, number>();
  #count = 0;

  constructor(set: string, asn: number, store: AttributeStore) {
    this.#set = set;
    this.asn = asn;
    this.#store = store;
  }

  /** Routes read so far. */
  get count(): number {
    return this.#count;
  }

  /** @throws `ERR_BGP_CONFIG`: names the route that cannot be right. */
  add(route: LocalRoute): void {
    const prefix = parsePrefix(route.prefix);
    if (prefix === undefined) {
      const remedy = "a prefix such as 10.0.0.0/8 with no bits set behind its length";
      throw refuse(`${this.#where()}.prefix`, route.prefix, remedy);
    }
    const key = keyOf(route, prefix.family);
    let id = this.#known.get(key);
    if (id === undefined) {
      id = this.#store.intern(attributesOf(route, prefix.family, this.asn, this.#where()));
      this.#store.retain(id);
      this.#known.set(key, id);
    }
    this.#columns[prefix.family].add(prefix.bytes, id);
    this.#count += 1;
  }

  routes(family: Family): ReadRoutes {
    return this.#columns[family].taken();
  }

  /** What was read is in use elsewhere, or of no use. */
  release(): void {
    for (const id of this.#known.values()) this.#store.release(id);
    this.#known.clear();
  }

  #where(): string {
    return `set ${this.#set}[${this.#count}]`;
  }
}

class Columns {
  #bytes = new Uint8Array(64);
  #filled = 0;
  #ids = new Int32Array(16);
  #length = 0;

  add(prefix: Uint8Array, id: number): void {
    this.#bytes = grown(this.#bytes, this.#filled + prefix.length);
    this.#bytes.set(prefix, this.#filled);
    this.#filled += prefix.length;
    this.#ids = grown(this.#ids, this.#length);
    this.#ids[this.#length] = id;
    this.#length += 1;
  }

  taken(): ReadRoutes {
    return { bytes: this.#bytes.subarray(0, this.#filled), ids: this.#ids.subarray(0, this.#length) };
  }
}

/** The same for routes with the same attributes: most of a large set have few. Short, for there is one for each route. */
function keyOf(route: LocalRoute, family: Family): string {
  const { nextHop = "", localPref = "", med = "", communities, largeCommunities, prepend = "" } = route;
  const lists = `${communities === undefined ? "" : communities.join()} ${largeCommunities === undefined ? "" : largeCommunities.join()}`;
  return `${WIDTH[family]} ${nextHop} ${localPref} ${med} ${prepend} ${lists}`;
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
    ...(communities.length > 0 && { communities: withCommunities(undefined, communities) }),
    ...(largeCommunities.length > 0 && { largeCommunities: withLarge(undefined, largeCommunities) }),
  };
}
