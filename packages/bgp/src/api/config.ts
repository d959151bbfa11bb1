import type { Family } from "../wire/family.ts";
import type { Role } from "../wire/role.ts";
import type { Policy } from "./policy.ts";

export type { Role } from "../wire/role.ts";

/**
 * All that a speaker is told. Plain data: it can be stored, compared and sent to another process.
 */
export interface SpeakerConfig {
  /** Ours: 1 to 4294967295. */
  readonly asn: number;
  /** BGP identifier: dotted quad, not 0.0.0.0 (RFC 6286). */
  readonly routerId: string;
  /** Left out: no socket listens, and peers are only called. */
  readonly listen?: {
    /** @defaultValue ["0.0.0.0", "::"] */
    readonly addresses?: readonly string[];
    /** @defaultValue 179 */
    readonly port?: number;
  };
  readonly peers: readonly PeerConfig[];
  /** Who is told what peers tell. No session notices a change. @defaultValue nobody */
  readonly bmp?: BmpConfig;
}

/** Export to monitoring stations: RFC 7854. */
export interface BmpConfig {
  readonly stations: readonly { readonly address: string; readonly port: number }[];
  /** Name of this router. @defaultValue the router id */
  readonly sysName?: string;
  /** What it is. @defaultValue "@netloom/bgp" */
  readonly sysDescr?: string;
  /** Seconds between reports of statistics; 0: none are sent. @defaultValue 60 */
  readonly statisticsInterval?: number;
}

export type Remote =
  /** An address, `fe80::1%eth0` too. Port: 179 by default. */
  | { readonly address: string; readonly port?: number }
  /** The one neighbour on this device, found by its router advertisements: unnumbered. */
  | { readonly interface: string; readonly port?: number }
  /** Whoever calls from this prefix. At most `limit` at once. @defaultValue 100 */
  | { readonly dynamic: string; readonly limit?: number };

export interface PeerConfig {
  /** Unique in the speaker. */
  readonly name: string;
  readonly remote: Remote;
  readonly remoteAsn: number | "external" | "internal" | "any";
  /** @defaultValue the speaker's */
  readonly localAsn?: number;
  readonly localAddress?: string;
  /** Waits to be called. @defaultValue false */
  readonly passive?: boolean;
  /** Administratively down, and why: sent to the peer (RFC 9003). */
  readonly shutdown?: string;
  readonly transport?: {
    /** The TTL of what is sent. @defaultValue 1 to external peers, the system's to internal ones */
    readonly multihop?: number;
    /** TTL security (RFC 5082): the peer is this many hops away at most. Not together with `multihop`. */
    readonly ttlSecurity?: number;
    /** TCP-MD5 (RFC 2385): 1 to 80 bytes. */
    readonly md5?: string;
    /** The socket is bound to this device. */
    readonly interface?: string;
  };
  /** Seconds. */
  readonly timers?: {
    /** Proposed; 0: none is kept. @defaultValue 90 */
    readonly hold?: number;
    /** @defaultValue a third of the hold time agreed on */
    readonly keepalive?: number;
    /** Between attempts, growing to twelve times as much. @defaultValue 5 */
    readonly connectRetry?: number;
    /** RFC 9687. @defaultValue the greater of 480 and twice the hold time */
    readonly sendHold?: number;
  };
  /** RFC 4724, of what both sides carry. @defaultValue on: restart time 120 s */
  readonly gracefulRestart?:
    | false
    | {
        /** Seconds, to 4095. @defaultValue 120 */
        readonly restartTime?: number;
        /** Our forwarding goes on while we are gone. @defaultValue true */
        readonly forwardingPreserved?: boolean;
        /** RFC 9494: for so many seconds more, as the last resort. @defaultValue 0: no */
        readonly longLived?: number;
      };
  /** RFC 9234: what we are to the peer. */
  readonly role?: Role;
  /** The session needs the peer's role too. @defaultValue false */
  readonly strictRole?: boolean;
  /**
   * Of an external peer, only routes are used whose path begins with its AS (RFC 4271 section 6.3); others count as
   * withdrawn. Route servers leave themselves out of paths. @defaultValue true, unless `role` is `rs-client`
   */
  readonly enforceFirstAs?: boolean;
  /** Sends and asks for several paths of a prefix (RFC 7911). @defaultValue none */
  readonly addPath?: { readonly send?: boolean; readonly receive?: boolean };
  /** Made of `ipv4-unicast` where left out. */
  readonly families?: Partial<Readonly<Record<Family, FamilyConfig>>>;
  /** Named watcher of the path to the peer that the speaker was given, e.g. `bfd`: when it says down, the session ends. */
  readonly failureDetector?: FailureDetection;
}

/** BFD, or something like it. Milliseconds. */
export interface FailureDetection {
  /** @defaultValue 300 */
  readonly transmitInterval?: number;
  /** @defaultValue 300 */
  readonly receiveInterval?: number;
  /** @defaultValue 3 */
  readonly multiplier?: number;
}

export interface FamilyConfig {
  /** What the peer gets. @defaultValue nothing */
  readonly export?: Policy;
  /** What is taken from the peer. @defaultValue nothing */
  readonly import?: Policy;
  /** More prefixes end the session (RFC 4486 subcode 1). @defaultValue no limit */
  readonly maxPrefixes?: number;
  /** Of what is sent. @defaultValue our address of the session */
  readonly nextHop?: string;
}
