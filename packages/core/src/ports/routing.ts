import type { NetloomError } from "../errors.ts";
import type { Family } from "../address/index.ts";
import type { AbortOptions } from "./store.ts";

/** A node, as far as routes care. */
export interface RoutedNode {
  readonly name: string;
  /** Towards the fabric, one of each family at most. */
  readonly addresses: readonly string[];
  readonly podCIDRs: readonly string[];
  /** In its pod CIDRs, one of each family at most. */
  readonly routers: readonly string[];
}

export interface Underlay {
  /** Of the uplink, in bytes. */
  readonly mtu: number;
  readonly family: Family;
}

/** A tunnel device that takes the destination of each packet with the packet. */
export interface OverlayPlan {
  readonly protocol: "vxlan" | "geneve";
  /** UDP. */
  readonly port: number;
  readonly mtu: number;
}

/** Everything in `prefix` is behind the tunnel to `node`. */
export interface TunnelRoute {
  readonly prefix: string;
  readonly node: string;
  readonly endpoint: string;
}

/** What to reach and how. Pure data: the datapath carries it out. */
export interface RoutePlan {
  readonly overlay: OverlayPlan | undefined;
  /** Of the pods' interfaces, what the underlay carries less the overhead: nothing they send needs fragments. */
  readonly podMtu: number;
  /** Each address is behind one of them at most, and none of this node's own ranges is. */
  readonly tunnels: readonly TunnelRoute[];
  /** Nodes, and ranges of nodes, that could not be planned for, and why. The others are. */
  readonly problems: readonly NetloomError[];
}

/**
 * Says how pods of different nodes reach each other. Pure: the same input gives the same plan, and is left as it is.
 */
export interface Routing extends AsyncDisposable {
  readonly name: string;
  start(options?: AbortOptions): Promise<void>;
  /** Bytes that encapsulation adds to a packet of the underlay's family; 0 where there is none. */
  overhead(underlay: Family): number;
  /**
   * The order of `remotes` does not matter, and this node may be among them.
   * @throws `ERR_OPTIONS_INVALID` where the underlay's MTU leaves too little for a packet.
   */
  plan(local: RoutedNode, remotes: readonly RoutedNode[], underlay: Underlay): RoutePlan;
}
