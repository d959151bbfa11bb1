import type { IpFamily } from "../text/ip.ts";
import type { DeviceRef } from "./link.ts";

/** State of a neighbour entry (NUD_*, linux/neighbour.h). */
export type NeighbourStateName =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noarp"
  | "permanent";
export type NeighbourState = NeighbourStateName | number;

/** An entry of the ARP (IPv4) or neighbour discovery (IPv6) table. Can be handed back to `delete`. */
export interface Neighbour {
  readonly family: IpFamily;
  /** Interface index. */
  readonly device: number;
  /** IP address. */
  readonly address: string;
  /** Link-layer address, when it is known. */
  readonly mac: string | undefined;
  readonly state: NeighbourState;
  /** The kernel answers for this address on the device (proxy ARP). */
  readonly proxy: boolean;
  readonly router: boolean;
  /** A control plane put it here (NTF_EXT_LEARNED). */
  readonly external: boolean;
}

export interface NeighbourOptions {
  readonly device: DeviceRef;
  readonly address: string;
  /** Needed unless the entry is a proxy or has no address yet. */
  readonly mac?: string | undefined;
  /** @defaultValue `permanent` */
  readonly state?: NeighbourState;
  /** @defaultValue false */
  readonly proxy?: boolean;
  /** @defaultValue false */
  readonly router?: boolean;
  /** @defaultValue false */
  readonly external?: boolean;
}

/** Names an entry: enough to delete it. */
export interface NeighbourKey {
  readonly device: DeviceRef;
  readonly address: string;
  /** @defaultValue false */
  readonly proxy?: boolean;
}

export interface ListNeighboursOptions {
  /** @defaultValue both */
  readonly family?: IpFamily;
  readonly device?: DeviceRef;
  /** Lists the proxy entries, which live in a table of their own. @defaultValue false */
  readonly proxy?: boolean;
}

/**
 * - `permanent`: never ages. On a bridge it means "this bridge's own address": such frames are not forwarded.
 * - `static`: never ages.
 * - `dynamic`: ages.
 * - `stale`: about to go.
 */
export type FdbState = "permanent" | "static" | "dynamic" | "stale";

/**
 * An entry of a forwarding database: behind which bridge port, or which tunnel end, a MAC address is.
 * Can be handed back to `delete`.
 */
export interface FdbEntry {
  /** Interface index. */
  readonly device: number;
  readonly mac: string;
  /** Tunnel end (VXLAN). */
  readonly remote: string | undefined;
  /** VXLAN network identifier on the wire, when it is not the device's own. */
  readonly vni: number | undefined;
  /** UDP port, when it is not the device's own. */
  readonly port: number | undefined;
  /** Index of the device towards the tunnel end. */
  readonly via: number | undefined;
  readonly vlan: number | undefined;
  /** Index of the bridge, for entries the bridge holds about a port. */
  readonly master: number | undefined;
  readonly state: FdbState;
  /** Held by the device itself (VXLAN, NIC filters) or by the bridge it is a port of. */
  readonly table: "self" | "master";
  /** A control plane put it here (NTF_EXT_LEARNED). */
  readonly external: boolean;
}

export interface FdbEntryOptions {
  readonly device: DeviceRef;
  /** `00:00:00:00:00:00` on a VXLAN device is where unknown and broadcast traffic goes. */
  readonly mac: string;
  readonly remote?: string | undefined;
  readonly vni?: number | undefined;
  readonly port?: number | undefined;
  readonly via?: DeviceRef | undefined;
  readonly vlan?: number | undefined;
  /** The device's own table, or the one of the bridge it is a port of. @defaultValue `self` */
  readonly table?: "self" | "master";
  /** @defaultValue `permanent` in a device's own table, `static` in a bridge's */
  readonly state?: FdbState;
  /** @defaultValue false */
  readonly external?: boolean;
}

export interface ListFdbOptions {
  readonly device?: DeviceRef;
}
