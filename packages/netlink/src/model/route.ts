import type { IpFamily } from "../text/ip.ts";
import type { Scope } from "./address.ts";
import type { DeviceRef } from "./link.ts";

/** Routing tables that exist everywhere. Others are any number up to 4294967295. */
export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;

export type RouteTypeName =
  | "unicast"
  | "local"
  | "broadcast"
  | "anycast"
  | "multicast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "throw"
  | "nat";

/** Who made it. Numbers from 5 on are free for daemons; see /etc/iproute2/rt_protos. */
export type RouteProtocolName =
  | "unspec"
  | "redirect"
  | "kernel"
  | "boot"
  | "static"
  | "ra"
  | "zebra"
  | "bird"
  | "dhcp"
  | "keepalived"
  | "babel"
  | "openr"
  | "bgp"
  | "isis"
  | "ospf"
  | "rip"
  | "eigrp";

export type RouteType = RouteTypeName | number;
export type RouteProtocol = RouteProtocolName | number;

/** One way to reach a destination. */
export interface Nexthop {
  /** Interface index. */
  readonly device: number | undefined;
  /** Gateway; of the other family for an IPv4 route over an IPv6 gateway (RFC 5549). */
  readonly via: string | undefined;
  /** 1 to 256. */
  readonly weight: number;
  readonly onlink: boolean;
  /** Its device is down or has no carrier. */
  readonly dead: boolean;
}

/** Where a collect-metadata tunnel device is to send the packets of a route (linux/lwtunnel.h). */
export interface Encap {
  /** Tunnel key: the VNI of VXLAN and Geneve. */
  readonly id: number;
  /** The tunnel's other end. */
  readonly to: string;
  /** This end; the kernel chooses where `undefined`. */
  readonly from: string | undefined;
  /** 0: the kernel chooses. */
  readonly ttl: number;
  readonly tos: number;
}

export interface EncapOptions {
  /** 0 to 4294967295. @defaultValue 0 */
  readonly id?: number;
  readonly to: string;
  readonly from?: string | undefined;
  /** 0 to 255. @defaultValue 0, the kernel chooses */
  readonly ttl?: number;
  /** 0 to 255. @defaultValue 0 */
  readonly tos?: number;
}

/** A route (rtnetlink(7), linux/rtnetlink.h). Can be handed back to `delete`. */
export interface Route {
  readonly family: IpFamily;
  /** Destination with its prefix length; the default route is `0.0.0.0/0` or `::/0`. */
  readonly to: string;
  readonly type: RouteType;
  readonly table: number;
  readonly protocol: RouteProtocol;
  readonly scope: Scope;
  /** Smaller wins. IPv4 leaves 0 unsaid, IPv6 defaults to 1024. */
  readonly metric: number | undefined;
  /** Interface index; `undefined` for multipath and for routes that drop. */
  readonly device: number | undefined;
  readonly via: string | undefined;
  /** Preferred source address. */
  readonly source: string | undefined;
  /** Source prefix the route is limited to (IPv6). */
  readonly from: string | undefined;
  /** Type of service the route is limited to. */
  readonly tos: number;
  readonly onlink: boolean;
  /** Its device is down or has no carrier. */
  readonly dead: boolean;
  /** Path MTU, bytes. */
  readonly mtu: number | undefined;
  /** Advertised TCP MSS, bytes. */
  readonly advertisedMss: number | undefined;
  /** Next hops of a multipath route. */
  readonly multipath: readonly Nexthop[] | undefined;
  /** IP tunnels only. */
  readonly encap: Encap | undefined;
}

export interface NexthopOptions {
  readonly device?: DeviceRef | undefined;
  readonly via?: string | undefined;
  /** 1 to 256. @defaultValue 1 */
  readonly weight?: number;
  /** @defaultValue false */
  readonly onlink?: boolean;
}

export interface RouteOptions {
  /**
   * Destination: `10.1.0.0/16`, `fd00::/64`, a single address, or `0.0.0.0/0` and `::/0` for the default
   * route.
   */
  readonly to: string;
  readonly device?: DeviceRef | undefined;
  /** Gateway. An IPv4 route may have an IPv6 gateway. */
  readonly via?: string | undefined;
  /** Instead of `device` and `via`: several ways, by weight. */
  readonly multipath?: readonly NexthopOptions[] | undefined;
  /** Take the gateway as reachable on the device even if no route says so. @defaultValue false */
  readonly onlink?: boolean;
  /** 1 to 4294967295. @defaultValue 254, main */
  readonly table?: number;
  /** @defaultValue `unicast` */
  readonly type?: RouteType;
  /** @defaultValue `static` */
  readonly protocol?: RouteProtocol;
  /** IPv4 only. @defaultValue `host` for local routes, `link` without a gateway, else `universe` */
  readonly scope?: Scope;
  /** Smaller wins. @defaultValue 0 for IPv4, 1024 for IPv6 */
  readonly metric?: number | undefined;
  /** Preferred source address. */
  readonly source?: string | undefined;
  /** Path MTU, bytes. */
  readonly mtu?: number | undefined;
  /** Advertised TCP MSS, bytes. */
  readonly advertisedMss?: number | undefined;
  /** For `device`, a tunnel that takes its destination from the packet (`external`). */
  readonly encap?: EncapOptions | undefined;
}

/** Which route to delete. What is not named matches anything; of several the kernel deletes the first. */
export type DeleteRouteOptions = RouteOptions;

export interface ListRoutesOptions {
  /** @defaultValue both */
  readonly family?: IpFamily;
  /** @defaultValue 254, main; `all` for every table */
  readonly table?: number | "all";
  readonly device?: DeviceRef;
  readonly protocol?: RouteProtocol;
}

export interface LookupRouteOptions {
  /** Source address of the packet. */
  readonly source?: string;
  /** Device it would leave by. */
  readonly device?: DeviceRef;
  /** Device it came in by: asks how it would be forwarded. */
  readonly inputDevice?: DeviceRef;
  /** Firewall mark. */
  readonly mark?: number;
}
