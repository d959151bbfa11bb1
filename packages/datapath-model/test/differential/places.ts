import { parseAddress, type NodeInterface, type RoutePlan } from "@netloom/core";
import { ReservedIdentity } from "@netloom/core/backend";

/** Addresses of the node under test, of its pods, and of everyone else. */
export const NODE = "192.168.50.1";
export const ROUTER = "10.1.0.1";
export const PODS = ["10.1.0.10", "10.1.0.11", "10.1.0.12"] as const;
/** Of the node's pod CIDR, but nobody's. */
export const NOBODY = "10.1.0.99";
export const OTHER_NODE = "192.168.50.2";
export const REMOTE = "10.2.0.20";
/** Of the other node's pod CIDR, and not in ipcache. */
export const REMOTE_UNKNOWN = "10.2.0.21";
/** Pods of a node on the same link, reached natively: known, and not in ipcache. */
export const NATIVE = "10.3.0.20";
export const NATIVE_UNKNOWN = "10.3.0.77";
/** Reached natively, and no route says how. */
export const NATIVE_LOST = "10.4.0.20";
/** Of a range on the link that knows the way back to pods. */
export const NATIVE_HOST = "192.168.50.100";
export const WORLD = "203.0.113.9";
/** In a range that a policy names. */
export const RANGE = "198.51.100.7";
/** Frontends: of the cluster, and of the outside. */
export const VIP = "10.96.0.10";
export const EXTERNAL = "203.0.113.50";
export const MULTICAST = "224.0.0.251";
export const BROADCAST = "255.255.255.255";

export const OVERLAY_PORT = 8472;
/** A socket of the node listens here, TCP and UDP. */
export const NODE_SOCKET = 40_001;

/** A frontend of the node's own address. */
export const NODE_PORT = 30_080;

/** An interface that addresses of pods may belong to. */
export const INTERFACE: NodeInterface = {
  mac: "02:00:5e:00:53:01",
  address: "192.168.60.1",
  gateway: "192.168.60.254",
  ranges: [],
};

export const PLAN: RoutePlan = {
  overlay: { protocol: "vxlan", port: OVERLAY_PORT, mtu: 1450 },
  podMtu: 1450,
  nodes: [],
  tunnels: [],
  native: [],
  routes: [{ prefix: "10.3.0.0/24", node: "node3", via: "192.168.50.3" }],
  interfaces: [INTERFACE],
  problems: [],
};

export const IDENTITY = {
  pods: [300, 301, 302],
  remote: 400,
  native: 500,
  range: ReservedIdentity.IDENTITY_LOCAL_FIRST + 1,
} as const;

/** Where an address is, seen from the node. */
export type Place = "pod" | "remote" | "world" | "node";

export function placeOf(address: string): Place {
  if ((PODS as readonly string[]).includes(address) || address === NOBODY) return "pod";
  if (address === NODE || address === ROUTER) return "node";
  return address.startsWith("10.2.") ? "remote" : "world";
}

export function word(address: string): number {
  return parseAddress(address).w3;
}
