import type { Role } from "../wire/role.ts";

/** A peer, as far as its routes depend on it. */
export interface RibPeer {
  readonly name: string;
  readonly kind: "external" | "internal";
  readonly asn: number;
  /** Ours, towards it. */
  readonly localAsn: number;
  /** Its BGP identifier; 0.0.0.0 while unknown. */
  readonly routerId: string;
  readonly address: string;
  /** What we are to it: RFC 9234. */
  readonly role?: Role | undefined;
  /** External: its AS is to be the first of each path (RFC 4271 section 6.3). @defaultValue false */
  readonly enforceFirstAs?: boolean | undefined;
}
