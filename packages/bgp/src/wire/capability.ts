import type { Role } from "./role.ts";

/** Numbers of a family as they are on the wire, for families this package does not carry too. */
export interface FamilyNumbers {
  readonly afi: number;
  readonly safi: number;
}

/** What a speaker can do: RFC 5492. */
export type Capability =
  /** RFC 4760. */
  | ({ readonly kind: "multiprotocol" } & FamilyNumbers)
  /** RFC 2918. */
  | { readonly kind: "route-refresh" }
  /** RFC 8950: prefixes of these families may have next hops of another one. */
  | {
      readonly kind: "extended-next-hop";
      readonly families: readonly (FamilyNumbers & { readonly nextHopAfi: number })[];
    }
  /** RFC 8654. */
  | { readonly kind: "extended-message" }
  /** RFC 9234. A number: a role that was not yet when this was written. */
  | { readonly kind: "role"; readonly role: Role | number }
  | GracefulRestart
  /** RFC 6793. */
  | { readonly kind: "four-octet-as"; readonly asn: number }
  /** RFC 7911: what the sender of the OPEN is ready to do. */
  | {
      readonly kind: "add-path";
      readonly families: readonly (FamilyNumbers & { readonly send: boolean; readonly receive: boolean })[];
    }
  /** RFC 7313. */
  | { readonly kind: "enhanced-route-refresh" }
  | LongLivedGracefulRestart
  /** draft-walton-bgp-hostname-capability. Whatever the peer wrote: not to be trusted. */
  | { readonly kind: "fqdn"; readonly host: string; readonly domain: string }
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array };

/** RFC 4724 section 3. */
export interface GracefulRestart {
  readonly kind: "graceful-restart";
  /** R: the sender has restarted. */
  readonly restarted: boolean;
  /** N: a NOTIFICATION does not end it (RFC 8538). */
  readonly notification: boolean;
  /** Seconds: 0 to 4095. */
  readonly restartTime: number;
  /** `forwarding`: the sender went on forwarding while it was gone. */
  readonly families: readonly (FamilyNumbers & { readonly forwarding: boolean })[];
}

/** RFC 9494 section 3. */
export interface LongLivedGracefulRestart {
  readonly kind: "long-lived-graceful-restart";
  /** `staleTime`: seconds, to 16777215. */
  readonly families: readonly (FamilyNumbers & {
    readonly forwarding: boolean;
    readonly staleTime: number;
  })[];
}

export type CapabilityKind = Capability["kind"];
