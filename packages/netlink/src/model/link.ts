import type { Netns } from "../netns.ts";

/** A network device, by name (at most 15 bytes) or by interface index. */
export type DeviceRef = string | number;

/** RFC 2863 operational state. */
export type OperationalState =
  | "unknown"
  | "not-present"
  | "down"
  | "lower-layer-down"
  | "testing"
  | "dormant"
  | "up";

/** A network device, as the kernel describes it (rtnetlink(7), linux/if_link.h). */
export interface Link {
  /** Interface index, unique within the namespace. */
  readonly index: number;
  readonly name: string;
  /** Driver kind: `veth`, `vxlan`, `bridge`, … Loopback and hardware have none. */
  readonly kind: string | undefined;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** The lower layer has a carrier (IFF_LOWER_UP). */
  readonly carrier: boolean;
  readonly state: OperationalState | number;
  /** False when the device does no ARP or neighbour discovery (IFF_NOARP). */
  readonly arp: boolean;
  readonly loopback: boolean;
  /** All IFF_* bits, for what has no field here. */
  readonly flags: number;
  /** Bytes, without the link-layer header. */
  readonly mtu: number;
  /** Link-layer address, `02:00:00:00:00:01`. */
  readonly mac: string | undefined;
  /** Index of the bridge or bond this device is a port of. */
  readonly master: number | undefined;
  /**
   * Index of the lower device; for veth the index of the peer. Counted in {@link parentNetnsId} when that
   * is set.
   */
  readonly parent: number | undefined;
  /**
   * This namespace's number (`ip netns list-id`) for the namespace of {@link parent}, when it is another
   * one.
   */
  readonly parentNetnsId: number | undefined;
  readonly alias: string | undefined;
  /** Packets. */
  readonly txQueueLength: number;
  /** Bytes. */
  readonly gsoMaxSize: number | undefined;
  readonly gsoMaxSegments: number | undefined;
  /** Bytes. */
  readonly groMaxSize: number | undefined;
  readonly group: number;
  /** Present when {@link kind} is `vxlan`. */
  readonly vxlan: VxlanSettings | undefined;
  /** Present when {@link kind} is `bridge`. */
  readonly bridge: BridgeSettings | undefined;
}

/** What can be given to a device when it is created, whatever its kind. */
export interface LinkOptions {
  /** 1 to 15 bytes. */
  readonly name: string;
  /** @defaultValue chosen by the kernel */
  readonly index?: number;
  /** @defaultValue false */
  readonly up?: boolean;
  /** @defaultValue true, or what the kind prefers */
  readonly arp?: boolean;
  /** Bytes. @defaultValue the kind's own */
  readonly mtu?: number;
  /** @defaultValue random, locally administered */
  readonly mac?: string;
  /** Bridge or bond to become a port of. */
  readonly master?: DeviceRef;
  /** Packets. */
  readonly txQueueLength?: number;
  /** Free text for people and tools, up to 255 bytes. */
  readonly alias?: string;
  /** Bytes. */
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  /** Bytes. */
  readonly groMaxSize?: number;
  readonly group?: number;
}

/** A pair of devices; what enters one leaves the other. */
export interface VethOptions extends LinkOptions {
  readonly kind: "veth";
  readonly peer: VethPeerOptions;
}

export interface VethPeerOptions {
  /** 1 to 15 bytes. */
  readonly name: string;
  /** Where the peer lives. @defaultValue the namespace of the first device */
  readonly netns?: Netns;
  /** Set by a second request, for the kernel refuses it while the pair is being made. @defaultValue false */
  readonly up?: boolean;
  /** Bytes. @defaultValue 1500 */
  readonly mtu?: number;
  /** @defaultValue random, locally administered */
  readonly mac?: string;
}

export interface VxlanSettings {
  /**
   * Collect-metadata mode: network identifier and remote come with each packet (eBPF, routes), not from the
   * device.
   */
  readonly external: boolean;
  /** VXLAN network identifier, 24 bits. */
  readonly vni: number | undefined;
  /** UDP port. */
  readonly port: number;
  /** Source address of the tunnel. */
  readonly local: string | undefined;
  /** Unicast remote or multicast group. */
  readonly remote: string | undefined;
  /** Index of the underlay device. */
  readonly parent: number | undefined;
  /** Learn remotes from what arrives. */
  readonly learning: boolean;
  /** 0 means inherit from the inner packet or the route. */
  readonly ttl: number;
  /** UDP checksums on IPv4 underlays. */
  readonly udpChecksum: boolean;
  /** Send without UDP checksum on IPv6 underlays. */
  readonly udpZeroChecksum6Tx: boolean;
  /** Accept packets without UDP checksum on IPv6 underlays. */
  readonly udpZeroChecksum6Rx: boolean;
  /** Group-based policy extension: the mark travels in the header. */
  readonly gbp: boolean;
}

export interface VxlanOptions extends LinkOptions {
  readonly kind: "vxlan";
  /** Required unless {@link external}. 0 to 16777215. */
  readonly vni?: number;
  /** @defaultValue false */
  readonly external?: boolean;
  /** UDP port. @defaultValue 4789, IANA's; the kernel's own default is 8472 */
  readonly port?: number;
  readonly local?: string;
  readonly remote?: string;
  /** Underlay device. */
  readonly parent?: DeviceRef;
  /** @defaultValue true */
  readonly learning?: boolean;
  /** 0 to 255. @defaultValue 0, inherit */
  readonly ttl?: number;
  /** @defaultValue true */
  readonly udpChecksum?: boolean;
  /** @defaultValue false */
  readonly udpZeroChecksum6Tx?: boolean;
  /** @defaultValue false */
  readonly udpZeroChecksum6Rx?: boolean;
  /** @defaultValue false */
  readonly gbp?: boolean;
}

export interface BridgeSettings {
  /** Spanning tree. */
  readonly stp: boolean;
  readonly vlanFiltering: boolean;
  readonly multicastSnooping: boolean;
  /** Seconds a learned address lives. */
  readonly ageingTime: number;
  /** Seconds. */
  readonly forwardDelay: number;
}

export interface BridgeOptions extends LinkOptions {
  readonly kind: "bridge";
  /** @defaultValue false */
  readonly stp?: boolean;
  /** @defaultValue false */
  readonly vlanFiltering?: boolean;
  /** @defaultValue true */
  readonly multicastSnooping?: boolean;
  /** Seconds, in steps of 0.01. @defaultValue 300 */
  readonly ageingTime?: number;
  /** Seconds, in steps of 0.01. @defaultValue 15 */
  readonly forwardDelay?: number;
}

/** A kind without settings of its own. */
export interface PlainLinkOptions extends LinkOptions {
  readonly kind: "dummy" | "ifb";
}

export type CreateLinkOptions = VethOptions | VxlanOptions | BridgeOptions | PlainLinkOptions;

/** What can be changed on a device. What is not named stays. */
export interface LinkChanges {
  readonly up?: boolean;
  /** Renames. Before Linux 6.x the device must be down. */
  readonly name?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
  /** `null` takes the device out of its bridge or bond. */
  readonly master?: DeviceRef | null;
  /** Moves the device into this namespace; the other changes apply there. */
  readonly netns?: Netns;
  /** Packets. */
  readonly txQueueLength?: number;
  readonly arp?: boolean;
  readonly promiscuous?: boolean;
  /** Up to 255 bytes; the empty text removes it. */
  readonly alias?: string;
  /** Bytes. */
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  /** Bytes. */
  readonly groMaxSize?: number;
  readonly group?: number;
}

export interface ListLinksOptions {
  /** Only ports of this bridge or bond. */
  readonly master?: DeviceRef;
  /** Only this kind. */
  readonly kind?: string;
}
