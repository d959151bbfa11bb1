import {
  NetloomError,
  type AbortOptions,
  type Attachment,
  type Datapath,
  type DatapathCapabilities,
  type DatapathContext,
  type DatapathEvent,
  type DatapathMetric,
  type DatapathNode,
  type EndpointHook,
  type HookName,
  type RoutePlan,
  type RunOptions,
  type RunResult,
  type Underlay,
} from "@netloom/core";
import type { FragmentKey, FragmentValue } from "@netloom/core/backend";
import { memoryMaps, type MemoryMap, type MemoryMaps } from "@netloom/core/memory";
import type { Host } from "./fabric/host.ts";
import { ModelNode } from "./fabric/node.ts";
import type { ModelPod } from "./fabric/pod.ts";
import { configOf, overlayOf } from "./node-config.ts";
import { NodeState } from "./node-state.ts";
import { parseOptions, type ModelConfig, type ModelDatapathOptions } from "./options.ts";
import { pass } from "./programs/index.ts";
import { ETHERNET_HEADER, Packet, type TunnelKey } from "./walk/packet.ts";
import { verdictNumber } from "./walk/verdict.ts";

/**
 * The datapath as its executable specification: the walk of `bpf/` over the same maps, in this process, without root.
 * One instance is one node; nodes that share a fabric reach each other.
 *
 * Traffic flows on when the agent stops; `uninstall()` ends it.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function modelDatapath(options: ModelDatapathOptions = {}): ModelDatapath {
  return new ModelDatapath(parseOptions(options));
}

export interface ModelRunOptions extends RunOptions {
  /** `skb->mark`. @defaultValue 0 */
  readonly mark?: number;
  /** How the packet came through the tunnel, for `from-overlay`. */
  readonly tunnel?: TunnelKey;
}

export interface ModelRunResult extends RunResult {
  /** What the program told of it: one event at most. */
  readonly events: readonly DatapathEvent[];
  readonly mark: number;
  /** What the tunnel device is told of a packet that goes to another node. */
  readonly tunnel: TunnelKey | undefined;
}

export class ModelDatapath implements Datapath {
  readonly name = "model";
  readonly capabilities: DatapathCapabilities = { families: [4], packets: true, survivesAgent: true };
  readonly #config: ModelConfig;
  readonly #state: NodeState;
  readonly #node: ModelNode;

  /** @internal Use {@link modelDatapath}. */
  constructor(config: ModelConfig) {
    this.#config = config;
    this.#state = new NodeState(config.runtime, memoryMaps(config.maxEntries));
    this.#state.maps.settings.set(0, { events: config.eventLevel });
    this.#node = new ModelNode(config, this.#state);
  }

  get maps(): MemoryMaps {
    return this.#state.maps;
  }

  /** What first fragments have left for those that follow. */
  get fragments(): MemoryMap<FragmentKey, FragmentValue> {
    return this.#state.fragments;
  }

  /** The node's own network stack. */
  get host(): Host {
    return this.#node.host;
  }

  /** @throws {@link NetloomError} `ERR_ENDPOINT_NOT_FOUND`. */
  pod(name: string): ModelPod {
    const pod = this.#node.pods.get(name);
    if (pod !== undefined) return pod;
    throw new NetloomError("ERR_ENDPOINT_NOT_FOUND", `no endpoint ${name} is attached here`, {
      input: name,
      remedy: `attached are: ${[...this.#node.pods.keys()].join(", ") || "none"}`,
      backend: this.name,
    });
  }

  async probe(_: DatapathNode, { signal }: AbortOptions = {}): Promise<Underlay> {
    signal?.throwIfAborted();
    const { fabric, networks } = this.#config;
    return { mtu: fabric.mtu, family: 4, networks };
  }

  async start(context: DatapathContext, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#state.runtime = context.runtime;
    this.#state.config = configOf(context, this.#config.masquerade);
    this.#node.start(context);
  }

  async attach(hook: EndpointHook, { signal }: AbortOptions = {}): Promise<Attachment> {
    signal?.throwIfAborted();
    return this.#node.attach(hook).attachment;
  }

  async detach(name: string, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#node.detach(name);
  }

  async attachments(): Promise<readonly Attachment[]> {
    return [...this.#node.pods.values()].map(({ attachment }) => attachment);
  }

  async apply(plan: RoutePlan, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#state.config = { ...this.#state.config, ...overlayOf(plan) };
    this.#node.apply(plan);
  }

  events(options: AbortOptions = {}): AsyncIterable<readonly DatapathEvent[]> {
    return this.#state.events.read(options);
  }

  /** Events that nobody has read, at once. */
  takeEvents(): readonly DatapathEvent[] {
    return this.#state.events.take();
  }

  metrics(): readonly DatapathMetric[] {
    return this.#state.metrics();
  }

  now(): number {
    return this.#state.runtime.clock.monotonic();
  }

  async run(packet: Uint8Array, at: HookName, options?: ModelRunOptions): Promise<ModelRunResult> {
    return this.runSync(packet, at, options);
  }

  /**
   * As `run`, at once. Where the packet goes is not carried out.
   *
   * @throws RangeError for less than an Ethernet header.
   */
  runSync(packet: Uint8Array, at: HookName, options: ModelRunOptions = {}): ModelRunResult {
    if (packet.length < ETHERNET_HEADER) throw new RangeError("a frame has at least 14 bytes");
    const { ifindex = 0, repeat = 1, mark = 0, tunnel } = options;
    const seen = this.#state.events.tap();
    const copy = new Packet(packet.slice(), ifindex);
    copy.mark = mark;
    copy.tunnel = tunnel;
    let verdict = pass(this.#state, copy, at);
    // As the kernel repeats: on what the run before has made of the packet.
    for (let run = 1; run < repeat; run++) verdict = pass(this.#state, copy, at);
    return {
      verdict: verdictNumber(verdict),
      packet: copy.bytes,
      nanoseconds: 0,
      events: seen(),
      mark: copy.mark,
      tunnel: copy.tunnel,
    };
  }

  async uninstall({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#node.stop();
    this.#state.clear();
    this.#state.events.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state.events.close();
  }
}
