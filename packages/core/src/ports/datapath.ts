import type { Family, Mac } from "../address/index.ts";
import type {
  BackendValue,
  CtKey,
  CtValue,
  EndpointKey,
  EndpointValue,
  Event,
  IpcacheKey,
  IpcachePrefixKey,
  IpcacheValue,
  MetricValue,
  NatKey,
  NatValue,
  PolicyKey,
  PolicyValue,
  ServiceKey,
  ServiceValue,
  SettingsValue,
} from "../datapath/schema.generated.ts";
import type { RoutePlan, Underlay } from "./routing.ts";
import type { Runtime } from "./runtime.ts";
import type { AbortOptions } from "./store.ts";

/**
 * A table that the datapath reads while the agent writes it. Calls are synchronous: each is a microsecond or
 * less. A write that cannot be done throws `ERR_CAPACITY` and leaves the table as it was. Values are copied in and out.
 */
export interface TypedMap<K, V> {
  readonly name: string;
  readonly maxEntries: number;
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  /** Whether it was there. */
  delete(key: K): boolean;
  entries(): Iterable<readonly [K, V]>;
  /** Many at once; on failure, which of them were written is not said. */
  setMany(entries: readonly (readonly [K, V])[]): void;
  deleteMany(keys: readonly K[]): void;
}

/** Maglev tables by service: each a list of indexes into `backends`, of length `MAGLEV_SLOTS`. */
export interface MaglevMap {
  readonly maxEntries: number;
  set(service: number, table: Uint16Array): void;
  delete(service: number): void;
  get(service: number): Uint16Array | undefined;
}

/** The state of one node's datapath: `bpf/schema/` says what each holds. Both datapaths fill the same. */
export interface DatapathMaps {
  readonly endpoints: TypedMap<EndpointKey, EndpointValue>;
  readonly ipcache: TypedMap<IpcacheKey, IpcacheValue>;
  /** `get` finds the longest prefix that the key is in. */
  readonly ipcachePrefixes: TypedMap<IpcachePrefixKey, IpcacheValue>;
  readonly policy: TypedMap<PolicyKey, PolicyValue>;
  readonly services: TypedMap<ServiceKey, ServiceValue>;
  /** An array, as `settings`: an entry at every index, zero until it is written, and none can be deleted. */
  readonly backends: TypedMap<number, BackendValue>;
  readonly maglev: MaglevMap;
  readonly settings: TypedMap<number, SettingsValue>;
  /**
   * Written by the datapath; the agent only reads. What has expired counts for nothing and is overwritten; in these two,
   * what was used longest ago makes room.
   */
  readonly conntrack: TypedMap<CtKey, CtValue>;
  readonly nat: TypedMap<NatKey, NatValue>;
}

/** Something that was not as the agent had left it, and now is again. */
export interface Drift {
  /** What kind of thing, e.g. `ipcache entry`, `route`. */
  readonly what: string;
  /** Which of them: of an entry the bytes of its key, in hexadecimal. */
  readonly which: string;
  /** `foreign`: it should not be there at all. */
  readonly problem: "missing" | "changed" | "foreign";
}

/** Declared, not guessed: the agent adapts to it and the conformance kit skips by it. */
export interface DatapathCapabilities {
  readonly families: readonly Family[];
  /** Packets pass through it. */
  readonly packets: boolean;
  /** What is attached goes on when the agent is gone. */
  readonly survivesAgent: boolean;
}

/** The node a datapath serves. */
export interface DatapathNode {
  readonly node: string;
  /** Towards the fabric, one of each family at most. */
  readonly addresses: readonly string[];
}

export interface DatapathContext extends DatapathNode {
  /** In the pod CIDRs: the pods' gateways, one of each family at most. */
  readonly routers: readonly string[];
  readonly plan: RoutePlan;
  /** The identity of an IPv4 address that nobody knows. */
  readonly worldIdentity: number;
  /** The node may always reach its pods. */
  readonly allowLocalHost: boolean;
  readonly runtime: Runtime;
}

/** A pod's interface: where its packets enter and leave. */
export interface EndpointHook {
  /** Of the endpoint, e.g. `default/web-1`. Names the interface's owner. */
  readonly name: string;
  readonly addresses: readonly string[];
  /** The pod's network namespace: a name under `/run/netns`, or a path. Ignored where there is no kernel. */
  readonly netns: string;
  /** What the interface is called inside. */
  readonly interface: string;
  readonly gateways: readonly string[];
  readonly mtu: number;
}

export interface Attachment {
  readonly name: string;
  /** Of the node side. */
  readonly ifindex: number;
  readonly interface: string;
  /** The pod's own. */
  readonly mac: Mac;
  /** The node side: what the pod sees as its gateway. */
  readonly gatewayMac: Mac;
}

/** Where a program sits. */
export type HookName = "from-container" | "to-container" | "from-overlay" | "from-netdev" | "to-netdev";

export interface RunOptions {
  /** The device the packet seems to come from: its ifindex. */
  readonly ifindex?: number;
  readonly repeat?: number;
}

export interface RunResult {
  /** As the program returned it: 2 (`TCX_DROP`) goes no further. */
  readonly verdict: number;
  readonly packet: Uint8Array;
  readonly nanoseconds: number;
}

export interface DatapathMetric {
  readonly name: string;
  readonly packets: bigint;
  readonly bytes: bigint;
}

export type DatapathEvent = Event;
export type DatapathMetricValue = MetricValue;

/**
 * Where packets are forwarded and policy is enforced. One instance serves one node.
 *
 * Start and stop change what is attached, never who may talk to whom: what `maps` say holds, with or without an
 * agent, until somebody changes it.
 */
export interface Datapath extends AsyncDisposable {
  readonly name: string;
  readonly capabilities: DatapathCapabilities;
  /**
   * What there is, before anything changes.
   * @throws `ERR_PERMISSION`, `ERR_UNSUPPORTED`: what is missing and what to do.
   */
  probe(node: DatapathNode, options?: AbortOptions): Promise<Underlay>;
  /**
   * Loads or adopts, and attaches to the node's devices. Starting it again changes nothing of what `maps` hold and of
   * what is attached.
   * @throws `ERR_PIN_LAYOUT`, `ERR_BPF_VERIFIER`, `ERR_SYSCALL`.
   */
  start(context: DatapathContext, options?: AbortOptions): Promise<void>;
  /** From `start` on. */
  readonly maps: DatapathMaps;
  /** Makes the pod's interface, or adopts it, and attaches to it. The same hook twice is no error. */
  attach(hook: EndpointHook, options?: AbortOptions): Promise<Attachment>;
  /** Removes the interface. Detaching what is not attached is no error. */
  detach(name: string, options?: AbortOptions): Promise<void>;
  /** What is attached now, also by an agent before this one. */
  attachments(): Promise<readonly Attachment[]>;
  /** Carries out a plan: devices, their MTU, routes. */
  apply(plan: RoutePlan, options?: AbortOptions): Promise<void>;
  /**
   * Compares devices, routes and what is attached with what it was told, brings back what is not so and tells of it.
   * Left out where nothing but the datapath itself can change them.
   */
  audit?(plan: RoutePlan, hooks: readonly EndpointHook[], options?: AbortOptions): Promise<readonly Drift[]>;
  /** Batches, as they come. Ends when aborted or closed. */
  events(options?: AbortOptions): AsyncIterable<readonly DatapathEvent[]>;
  /** Each under a name of its own. They only grow. */
  metrics(): readonly DatapathMetric[];
  /** Milliseconds on the clock that `expires` fields count (in nanoseconds). */
  now(): number;
  /** Sends bytes through one program. @throws `ERR_UNSUPPORTED` where no packets pass. */
  run(packet: Uint8Array, at: HookName, options?: RunOptions): Promise<RunResult>;
  /** Removes every trace: pins, programs, devices, routes, maps. Traffic stops. Needs no start, and may be repeated. */
  uninstall(options?: AbortOptions): Promise<void>;
}
