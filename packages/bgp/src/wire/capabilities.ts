import { decodeValue } from "./capability-decode.ts";
import { encodeValue } from "./capability-encode.ts";
import { refusal, NOTIFICATION } from "./refusal.ts";
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

/** IANA's numbers. */
const CAPABILITY_CODE: Readonly<Record<Exclude<CapabilityKind, "unknown">, number>> = {
  multiprotocol: 1,
  "route-refresh": 2,
  "extended-next-hop": 5,
  "extended-message": 6,
  role: 9,
  "graceful-restart": 64,
  "four-octet-as": 65,
  "add-path": 69,
  "enhanced-route-refresh": 70,
  "long-lived-graceful-restart": 71,
  fqdn: 73,
};

/** @throws RangeError: a value does not fit. */
export function encodeCapability(capability: Capability): Uint8Array {
  const value = encodeValue(capability);
  if (value.length > 255) throw new RangeError(`capability ${capability.kind} has ${value.length} bytes`);
  const code = capability.kind === "unknown" ? capability.code : CAPABILITY_CODE[capability.kind];
  return Uint8Array.of(code, value.length, ...value);
}

/**
 * The capabilities in one optional parameter.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE`: one is cut short, or has a length that its kind cannot have (RFC 4271
 * section 6.2: recognised, but malformed, subcode 0).
 */
export function decodeCapabilities(bytes: Uint8Array): Capability[] {
  const capabilities: Capability[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + (bytes[at + 1] ?? Infinity);
    if (!(end <= bytes.length)) throw refusal(NOTIFICATION.open, 0, "a capability is cut short");
    const code = bytes[at] as number;
    const capability = decodeValue(code, bytes.slice(at + 2, end));
    if (capability === undefined)
      throw refusal(NOTIFICATION.open, 0, `capability ${code} cannot have ${end - at - 2} bytes`);
    capabilities.push(capability);
    at = end;
  }
  return capabilities;
}
