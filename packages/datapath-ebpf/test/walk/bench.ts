import type { Attachment, Datapath, DatapathEvent, DatapathMetric, HookName, TypedMap } from "@netloom/core";
import type { CtKey, CtValue, FragmentKey, FragmentValue, NatKey, NatValue } from "@netloom/core/backend";

/** What is fixed when a datapath starts. */
export interface BenchOptions {
  /** @defaultValue true */
  readonly masquerade?: boolean;
  /** @defaultValue true */
  readonly allowLocalHost?: boolean;
  /** @defaultValue true */
  readonly overlay?: boolean;
  /** Mappings there is room for. @defaultValue enough for a few flows */
  readonly mappings?: number;
}

/** The device that a packet is sent through: a pod's, by the pod's name, or one of the node's. */
export type Device = PodName | "uplink" | "overlay";

export type PodName = "a" | "b" | "c";

/** What a packet carries besides its bytes. */
export interface Passage {
  readonly at: HookName;
  readonly device: Device;
  /** `skb->mark`. @defaultValue 0, and what becomes of it is not looked at */
  readonly mark?: number;
  /** from-overlay: what the tunnel's header says. @defaultValue none, as no packet of a tunnel has it */
  readonly tunnel?: { readonly vni: number; readonly node: string };
}

/** What one pass of one packet through one program did. */
export interface Pass {
  readonly verdict: number;
  readonly packet: Uint8Array;
  /** Where one was given. */
  readonly mark: number | undefined;
  readonly events: readonly DatapathEvent[];
  readonly before: Tables;
  readonly after: Tables;
  /** What was counted, by name. */
  readonly counted: readonly DatapathMetric[];
}

/** The tables that packets write. */
export interface Tables {
  readonly conntrack: readonly (readonly [CtKey, CtValue])[];
  readonly nat: readonly (readonly [NatKey, NatValue])[];
  readonly fragments: readonly (readonly [FragmentKey, FragmentValue])[];
}

/**
 * A started datapath with three attached pods and nothing in its tables. All that a walk needs, whoever executes it.
 */
export interface WalkBench extends AsyncDisposable {
  readonly datapath: Datapath;
  readonly fragments: TypedMap<FragmentKey, FragmentValue>;
  readonly pods: Readonly<Record<PodName, Attachment>>;
  ifindex(device: Device): number;
  send(packet: Uint8Array, passage: Passage): Promise<Pass>;
  /** The node itself uses a port, until disposed of. */
  occupy(protocol: "tcp" | "udp", port: number): Promise<AsyncDisposable>;
}

export type CreateBench = (options?: BenchOptions) => Promise<WalkBench>;

/** Any test runner. */
export interface Runner {
  readonly describe: (title: string, suite: () => void) => unknown;
  readonly it: (title: string, test: () => Promise<void>) => unknown;
}

export type Suite = (runner: Runner, create: CreateBench) => void;
