import type { NetloomError } from "../errors.ts";
import type { Family } from "../address/index.ts";
import type { ExternalTrafficPolicy, ServiceAddressType } from "../service/types.ts";
import type { Runtime } from "./runtime.ts";
import type { AbortOptions, Store } from "./store.ts";

/** A node, as far as routes care. */
export interface RoutedNode {
  readonly name: string;
  /** Towards the fabric, one of each family at most. */
  readonly addresses: readonly string[];
  readonly podCIDRs: readonly string[];
  /** In its pod CIDRs, one of each family at most. */
  readonly routers: readonly string[];
}

/**
 * A network interface of the node, beside its uplink, that addresses of pods belong to, as a cloud's do: the network brings
 * there what is for them, and takes what is from them there alone.
 */
export interface NodeInterface {
  /** By which its device is known on the node: six pairs of lower-case digits, e.g. `02:00:5e:00:53:01`. */
  readonly mac: string;
  /** Its own IPv4 address, no pod's. It has the same as long as it is the same. */
  readonly address: string;
  /** The IPv4 router of its subnet: whatever leaves by it goes there, what is for neighbours too. */
  readonly gateway: string;
  /** IPv4 CIDRs of the node's pods, apart from those of other interfaces. */
  readonly ranges: readonly string[];
}

/** This node, as {@link Routing.plan} sees it. */
export interface LocalNode extends RoutedNode {
  /** Left out where every pod is reached by the uplink. */
  readonly interfaces?: readonly NodeInterface[];
}

export interface Underlay {
  /** Of the uplink, in bytes. */
  readonly mtu: number;
  readonly family: Family;
  /** Prefixes on the uplink's link: whoever has an address in them is reached without a router. Canonical. */
  readonly networks: readonly string[];
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

/**
 * How the pods of a node are reached, whatever ranges it has: a pod may be known before the range it is of, and is then
 * reached already.
 */
export interface NodeWay {
  readonly node: string;
  /** The tunnel's other end; `undefined`: they are reached as they are, by this node's routes. */
  readonly tunnel: string | undefined;
}

/** A range that is reached as it is: nothing encapsulates what goes there, and nothing masquerades it. */
export interface NativeRange {
  readonly prefix: string;
  /** Whose pods it is for; `undefined`: of nobody in the cluster, but it knows the way back to pods. */
  readonly node: string | undefined;
}

/** A route that the datapath keeps among the node's own: everything in `prefix` goes to a neighbour. */
export interface NodeRoute {
  readonly prefix: string;
  readonly node: string;
  /** On link at the uplink, of the family of `prefix`. */
  readonly via: string;
}

/** What to reach and how. Pure data: the datapath carries it out. */
export interface RoutePlan {
  readonly overlay: OverlayPlan | undefined;
  /** Of the pods' interfaces, what the underlay carries less the overhead: nothing they send needs fragments. */
  readonly podMtu: number;
  /**
   * The other nodes whose pods are reached. What is known of the pods of others is not told to the datapath: an address
   * is better unknown than sent astray.
   */
  readonly nodes: readonly NodeWay[];
  /** Each address is behind one of them at most, and none of this node's own ranges is. */
  readonly tunnels: readonly TunnelRoute[];
  /** What goes out by the node's routes, whoever keeps those. Of pods' ranges as `tunnels`, and none that is in them. */
  readonly native: readonly NativeRange[];
  /** Routes to some of `native`, for the datapath to keep. */
  readonly routes: readonly NodeRoute[];
  /**
   * Interfaces by which pods of this node leave it and are reached: what bears an address of their ranges and is not
   * masqueraded leaves there, whatever `routes` say. No two have the same device, address or range. Left out: all go by the
   * uplink.
   */
  readonly interfaces?: readonly NodeInterface[];
  /** Nodes, interfaces, and ranges of nodes, that could not be planned for, and why. The others are. */
  readonly problems: readonly NetloomError[];
}

/** A pool of the node's IPAM, and what the node has of it. */
export interface RoutedPool {
  readonly name: string;
  readonly ranges: readonly string[];
}

/** A service, for whoever tells the fabric of its addresses. */
export interface RoutedService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: Readonly<Record<ServiceAddressType, readonly string[]>>;
  readonly externalTrafficPolicy: ExternalTrafficPolicy;
  /** Backends that take new flows: in the cluster, and of this node. */
  readonly backends: { readonly total: number; readonly local: number };
}

/** What a backend that speaks with the fabric sees of its agent: values, asked for when something has changed. */
export interface RoutingContext {
  node(): RoutedNode & { readonly labels: Readonly<Record<string, string>> };
  pools(): readonly RoutedPool[];
  services(): readonly RoutedService[];
  /** Calls back whenever one of them may be different. @returns what ends it; may be called twice */
  onChange(listener: () => void): () => void;
  readonly store: Store;
  /** The backend's own part of the store: a key prefix that ends in `/`. */
  readonly prefix: string;
  readonly runtime: Runtime;
  /** What goes wrong in a loop does not vanish. */
  readonly report: (error: unknown) => void;
}

/**
 * Says how pods of different nodes reach each other. Pure: the same input gives the same plan, and is left as it is.
 */
export interface Routing extends AsyncDisposable {
  readonly name: string;
  start(options?: AbortOptions): Promise<void>;
  /**
   * From now on the backend may tell the fabric of this node: its pods are known, and what was decided about them before
   * a restart is in force again. Called once, after {@link start}; ends when the backend is disposed of. Left out where
   * plans are all there is.
   */
  follow?(context: RoutingContext): void;
  /**
   * The node is no node any more: what the fabric was told is taken back, what it has told is removed. Called while the
   * pods still have their network, before the backend is disposed of; waits for nobody for long. Left out where nothing
   * outlives the process.
   */
  uninstall?(): Promise<void>;
  /** Bytes that encapsulation adds to a packet of the underlay's family; 0 where there is none. */
  overhead(underlay: Family): number;
  /**
   * The order of `remotes` does not matter, and this node may be among them.
   * @throws `ERR_OPTIONS_INVALID` where the underlay's MTU leaves too little for a packet.
   */
  plan(local: LocalNode, remotes: readonly RoutedNode[], underlay: Underlay): RoutePlan;
}
