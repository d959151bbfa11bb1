import type { Family } from "./family.ts";

/** What both sides of a session have agreed on, as far as reading and writing its messages depends on it. */
export interface WireContext {
  /** AS numbers in AS_PATH and AGGREGATOR have 4 bytes: both sides sent capability 65 (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** The peer is in our AS (or confederation): decides about LOCAL_PREF and the like. */
  readonly internal: boolean;
  /** Routes of these may come and go. */
  readonly families: readonly Family[];
  /** Received prefixes of these have path identifiers (RFC 7911). */
  readonly addPathReceive: readonly Family[];
  readonly addPathSend: readonly Family[];
  /** IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Of a whole message: 4096, or 65535 where both sent capability 6 (RFC 8654). */
  readonly maxMessage: number;
}
