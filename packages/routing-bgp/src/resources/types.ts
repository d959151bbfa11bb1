import type { FailureDetection, Family, PeerConfig, Policy, Role, SpeakerConfig } from "@netloom/bgp";
import type { SelectorInput, ServiceAddressType } from "@netloom/core";

/** Who talks to whom: on the nodes it selects, speakers and their peers. */
export interface BgpClusterConfig {
  readonly name: string;
  /** By labels of nodes. @defaultValue every node */
  readonly nodeSelector?: SelectorInput;
  readonly instances: readonly BgpInstance[];
}

/** One speaker of a node. */
export interface BgpInstance {
  /** Unique in the configuration. */
  readonly name: string;
  /** 1 to 4294967295. */
  readonly localAsn: number;
  /** Where peers may call. @defaultValue none: peers are only called */
  readonly localPort?: number;
  readonly peers: readonly BgpPeer[];
  /** Monitoring stations (RFC 7854) that hear of all that peers tell. `sysName` is the node's, unless it says otherwise. */
  readonly bmp?: BgpMonitoring;
}

export type BgpMonitoring = NonNullable<SpeakerConfig["bmp"]>;

export interface BgpPeer {
  /** Unique in the instance. */
  readonly name: string;
  readonly peerAsn: PeerConfig["remoteAsn"];
  /** An address, `fe80::1%eth0` too. Either this or `interface`. */
  readonly peerAddress?: string;
  /** The one neighbour on this device: unnumbered. */
  readonly interface?: string;
  /** Name of a {@link BgpPeerConfig}. @defaultValue all its defaults */
  readonly peerConfigRef?: string;
}

/** How sessions are: what peers of several clusters or racks have in common. */
export interface BgpPeerConfig {
  readonly name: string;
  /** Seconds. */
  readonly timers?: NonNullable<PeerConfig["timers"]>;
  readonly transport?: {
    /** @defaultValue 179 */
    readonly peerPort?: number;
    /** Connections are bound to this device. */
    readonly sourceInterface?: string;
    /** Waits to be called: the instance needs a `localPort`. @defaultValue false */
    readonly passive?: boolean;
  };
  /** Name of the secret that is the TCP-MD5 password. Where it is missing, the peer is left out. */
  readonly authSecretRef?: string;
  /** Hops, 1 to 255: how far an external peer may be. Not together with `ttlSecurity`. */
  readonly ebgpMultihop?: number;
  /** Hops, 1 to 254: what has come farther is dropped (RFC 5082). */
  readonly ttlSecurity?: number;
  readonly gracefulRestart?: {
    /** @defaultValue true */
    readonly enabled?: boolean;
    /** Seconds, 1 to 4095. @defaultValue 120 */
    readonly restartTime?: number;
    /** Seconds (RFC 9494). @defaultValue 0 */
    readonly longLived?: number;
  };
  /** Milliseconds; `{}`: with defaults. @defaultValue no BFD */
  readonly bfd?: FailureDetection;
  readonly role?: Role;
  readonly addPath?: { readonly send?: boolean; readonly receive?: boolean };
  /** An external peer's paths begin with its AS. @defaultValue true, but with role `rs-client`: route servers leave themselves out */
  readonly enforceFirstAs?: boolean;
  /** Administratively down, and the reason that is sent. */
  readonly shutdown?: string;
  /** @defaultValue both, with nothing advertised and nothing accepted */
  readonly families?: readonly BgpPeerFamily[];
}

export interface BgpPeerFamily {
  readonly family: Family;
  /** By labels of {@link BgpAdvertisement}s. @defaultValue none: nothing is advertised */
  readonly advertisements?: SelectorInput;
  /** What is taken from the peer. @defaultValue nothing */
  readonly import?: Policy;
  /** More end the session. @defaultValue no limit */
  readonly maxPrefixes?: number;
}

/** What is advertised. Peer configurations select it by its labels. */
export interface BgpAdvertisement {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly advertisements: readonly BgpAdvertisementEntry[];
}

export type BgpAdvertisementEntry =
  | {
      /** The ranges of the node's own pods. */
      readonly type: "PodCIDR";
      readonly attributes?: BgpAttributes;
    }
  | {
      /** The node's ranges of address pools. A pool has the label `netloom.io/pool` with its name. */
      readonly type: "Pool";
      /** `{}`: all. */
      readonly selector: SelectorInput;
      readonly attributes?: BgpAttributes;
    }
  | {
      readonly type: "Service";
      /**
       * `{}`: all. Besides its own labels a service has `io.kubernetes.service.name` and, where it has one,
       * `io.kubernetes.service.namespace`.
       */
      readonly selector: SelectorInput;
      readonly service: BgpServiceOptions;
      readonly attributes?: BgpAttributes;
    }
  | {
      /** The addresses of a device of the node's. */
      readonly type: "Interface";
      readonly interface: string;
      readonly attributes?: BgpAttributes;
    };

export interface BgpServiceOptions {
  readonly addresses: readonly ServiceAddressType[];
  /**
   * Prefixes of this length instead of single addresses, 1 to 32. Not for external addresses under the traffic policy
   * `local`. @defaultValue 32
   */
  readonly aggregationLengthIPv4?: number;
  /** 1 to 128. @defaultValue 128 */
  readonly aggregationLengthIPv6?: number;
}

/** What a prefix is told with. Where several advertisements have it: see {@link mergeAttributes}. */
export interface BgpAttributes {
  readonly communities?: {
    /** `65000:100` each. */
    readonly standard?: readonly string[];
    /** `65000:1:2` each. */
    readonly large?: readonly string[];
    readonly wellKnown?: readonly WellKnownCommunity[];
  };
  /** 0 to 4294967295. For internal peers. */
  readonly localPreference?: number;
  /** 0 to 4294967295. */
  readonly med?: number;
  /** Our own AS number, so many times more: 1 to 32. */
  readonly prepend?: number;
}

/** IANA's registry of well-known communities, as this package's speaker writes them. */
export const WELL_KNOWN_COMMUNITIES = [
  "no-export",
  "no-advertise",
  "no-export-subconfed",
  "no-peer",
  "blackhole",
  "graceful-shutdown",
  "accept-own",
  "llgr-stale",
  "no-llgr",
] as const;

export type WellKnownCommunity = (typeof WELL_KNOWN_COMMUNITIES)[number];

/** What is different on one node. */
export interface BgpNodeOverride {
  /** The node's. */
  readonly name: string;
  /** It is being emptied: services are taken back, its pods stay reachable. @defaultValue false */
  readonly draining?: boolean;
  readonly instances: readonly BgpInstanceOverride[];
}

export interface BgpInstanceOverride {
  readonly name: string;
  /** Dotted quad. @defaultValue the node's IPv4 address */
  readonly routerId?: string;
  readonly localPort?: number;
  readonly localAsn?: number;
  readonly peers?: readonly {
    readonly name: string;
    readonly localAddress?: string;
  }[];
}

/** The node that asks. */
export interface BgpNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Towards the fabric, one of each family at most. */
  readonly addresses: readonly string[];
}
