/** RFC 4271 section 5.1.1: by number, and so in the order of preference. */
export const ORIGINS = ["igp", "egp", "incomplete"] as const;

export type Origin = (typeof ORIGINS)[number];

export interface AsPathSegment {
  readonly type: "sequence" | "set" | "confed-sequence" | "confed-set";
  readonly asns: readonly number[];
}

/** Three 32-bit numbers: RFC 8092. */
export type LargeCommunity = readonly [administrator: number, local1: number, local2: number];

/** An attribute this package does not know, as it came (flags of RFC 4271 section 4.3, Partial set where due). */
export interface UnknownAttribute {
  readonly flags: number;
  readonly type: number;
  readonly value: Uint8Array;
}

/**
 * What a route has besides its prefix. One object stands for all routes that have the same. Addresses are canonical text;
 * communities are numbers (`formatCommunity` and its like write them for people).
 */
export interface PathAttributes {
  readonly origin: Origin;
  readonly asPath: readonly AsPathSegment[];
  readonly nextHop: string;
  /** Beside a global IPv6 next hop: RFC 2545 section 3. */
  readonly linkLocalNextHop?: string | undefined;
  readonly med?: number | undefined;
  readonly localPref?: number | undefined;
  readonly atomicAggregate?: boolean | undefined;
  readonly aggregator?: { readonly asn: number; readonly address: string } | undefined;
  /** RFC 1997, each 32 bits, unsigned. */
  readonly communities?: readonly number[] | undefined;
  /** RFC 4360, each 64 bits, unsigned. */
  readonly extendedCommunities?: readonly bigint[] | undefined;
  readonly largeCommunities?: readonly LargeCommunity[] | undefined;
  /** RFC 4456. */
  readonly originatorId?: string | undefined;
  readonly clusterList?: readonly string[] | undefined;
  /** RFC 9234 section 5. */
  readonly onlyToCustomer?: number | undefined;
  readonly unknown?: readonly UnknownAttribute[] | undefined;
}
