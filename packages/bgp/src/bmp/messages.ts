import type { Notification } from "../errors.ts";
import type { Family } from "../wire/family.ts";

/** Numbers of message types: RFC 7854 section 4.1. */
export const BMP_TYPE = {
  "route-monitoring": 0,
  "statistics-report": 1,
  "peer-down": 2,
  "peer-up": 3,
  initiation: 4,
  termination: 5,
} as const;

/** Whose routes a message is about: the per-peer header of RFC 7854 section 4.2. */
export interface BmpPeer {
  /** 0: global; 1: of the VRF that `distinguisher` names; 2: local to this router. */
  readonly type: 0 | 1 | 2;
  /** 64 bits, unsigned; 0 for type 0. */
  readonly distinguisher: bigint;
  /** Of the peer's end of the session. */
  readonly address: string;
  readonly asn: number;
  /** BGP identifier, dotted quad. */
  readonly routerId: string;
  /** After the import policy: the L flag. */
  readonly postPolicy: boolean;
  /** AS numbers in AS_PATH have 2 bytes: the A flag. */
  readonly legacyAsPath: boolean;
  /** What the peer is told, not what it tells: the O flag of RFC 8671. */
  readonly adjRibOut: boolean;
  /** Milliseconds since 1970, with microseconds as a fraction; 0: unknown. */
  readonly at: number;
}

/** An information TLV: RFC 7854 section 4.4. Types of Initiation: 0 string, 1 sysDescr, 2 sysName. */
export interface BmpInformation {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Why a session is over: RFC 7854 section 4.9. */
export type PeerDownReason =
  /** 1 and 3: with this NOTIFICATION. */
  | { readonly by: "local" | "remote"; readonly notification: Notification }
  /** 2: without one, for this event of RFC 4271 section 8.1; 0: none says it. */
  | { readonly by: "local"; readonly fsmEvent: number }
  /** 4: without one. */
  | { readonly by: "remote" }
  /** 5: it may be up still, but nothing more is told of it. */
  | { readonly by: "configuration" }
  /** One that RFC 7854 does not know. */
  | { readonly by: "unknown"; readonly reason: number; readonly data: Uint8Array };

/** Numbers of statistics that have one value: RFC 7854 section 4.8. */
export const BMP_STATISTIC = {
  /** Counter of 32 bits. */
  prefixesRejected: 0,
  duplicateAdvertisements: 1,
  duplicateWithdrawals: 2,
  /** Gauge of 64 bits. */
  adjRibIn: 7,
  locRib: 8,
  /** Gauges of 64 bits, for each family. */
  adjRibInOfFamily: 9,
  locRibOfFamily: 10,
} as const;

export type BmpStatistic =
  /** A counter of 32 bits, or a gauge of 64. */
  | { readonly type: number; readonly value: bigint; readonly bits: 32 | 64 }
  /** A gauge of 64 bits. */
  | { readonly type: number; readonly family: Family; readonly value: bigint }
  /** In another form. */
  | { readonly type: number; readonly data: Uint8Array };

/** A message of the BGP Monitoring Protocol: RFC 7854. BGP messages in it are whole, with their headers. */
export type BmpMessage =
  | { readonly kind: "initiation"; readonly information: readonly BmpInformation[] }
  | {
      readonly kind: "termination";
      readonly information: readonly BmpInformation[];
      /** 0: closed by an administrator; 1: unspecified; 2: out of resources; 3: redundant; 4: for good. */
      readonly reason: number | undefined;
    }
  | {
      readonly kind: "peer-up";
      readonly peer: BmpPeer;
      readonly localAddress: string;
      readonly localPort: number;
      readonly remotePort: number;
      /** OPENs. */
      readonly sent: Uint8Array;
      readonly received: Uint8Array;
      readonly information: readonly BmpInformation[];
    }
  | { readonly kind: "peer-down"; readonly peer: BmpPeer; readonly reason: PeerDownReason }
  | { readonly kind: "route-monitoring"; readonly peer: BmpPeer; readonly update: Uint8Array }
  | {
      readonly kind: "statistics-report";
      readonly peer: BmpPeer;
      readonly statistics: readonly BmpStatistic[];
    }
  /** Of a type, or of a peer type, that this package does not read: RFC 7854 section 4.1 has it ignored. */
  | { readonly kind: "unknown"; readonly type: number; readonly body: Uint8Array };
