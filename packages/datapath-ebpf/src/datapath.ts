import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { features, isBpffs, mountBpffs, unmountBpffs } from "@netloom/bpf-loader";
import {
  NetloomError,
  type AbortOptions,
  type Attachment,
  type Datapath,
  type DatapathCapabilities,
  type DatapathContext,
  type DatapathEvent,
  type DatapathMaps,
  type DatapathMetric,
  type DatapathNode,
  type EndpointHook,
  type HookName,
  type RoutePlan,
  type RunOptions,
  type RunResult,
  type Underlay,
} from "@netloom/core";
import { dropReasonName, maps as definitions, Metric, outcomeName } from "@netloom/core/backend";
import { kernel } from "./errors.ts";
import { EventHub } from "./events.ts";
import { openMaps } from "./maps.ts";
import { NodeNetwork } from "./node.ts";
import { parseOptions, type EbpfConfig, type EbpfOptions } from "./options.ts";
import { applyRoutes, ensureOverlay, removeOverlay } from "./overlay.ts";
import { assertPrivileges } from "./privileges.ts";
import { createPodInterface, podInterfaces, removePodInterface } from "./pods.ts";
import { isMissing, Programs, removePins } from "./programs.ts";

/** Stands on a bpf file system that we mounted, so that it is ours to unmount. */
const MOUNTED = "netloom/mounted";

/**
 * The kernel datapath for one node. Nothing is opened before `probe`.
 *
 * Needs Linux 6.6 (tcx), CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN; IPv4. `await using` or `stop()` of the agent leaves
 * programs, maps, interfaces and routes as they are, pinned: `uninstall()` removes them.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function ebpf(options: EbpfOptions = {}): Datapath {
  return new EbpfDatapath(parseOptions(options));
}

class EbpfDatapath implements Datapath {
  readonly name = "ebpf";
  readonly capabilities: DatapathCapabilities = { families: [4], packets: true, survivesAgent: true };
  readonly #config: EbpfConfig;
  #network: NodeNetwork | undefined;
  #programs: Programs | undefined;
  #maps: DatapathMaps | undefined;
  #events: EventHub | undefined;
  #context: DatapathContext | undefined;

  constructor(config: EbpfConfig) {
    this.#config = config;
  }

  async probe({ addresses }: DatapathNode): Promise<Underlay> {
    assertPrivileges();
    kernel("look for what the datapath needs", () => {
      for (const feature of ["tcx", "ringbuf", "map:lpm_trie", "map:array_of_maps"] as const)
        features.require(feature);
    });
    this.#network ??= new NodeNetwork(this.#config.netns);
    return { mtu: this.#network.uplink(this.#config.uplink, addresses).mtu, family: 4 };
  }

  async start(context: DatapathContext, options: AbortOptions = {}): Promise<void> {
    const network = (this.#network ??= new NodeNetwork(this.#config.netns));
    const uplink = network.uplink(this.#config.uplink, context.addresses);
    const pinPath = this.#pinPath(context.node);
    this.#mount();
    mkdirSync(pinPath, { recursive: true });
    const overlay = ensureOverlay(network.rtnl, context.plan, context.routers);
    const devices = { uplink: uplink.index, overlay: overlay?.index ?? 0 };
    const programs = await Programs.load(network, this.#config, pinPath, context, devices, options.signal);
    this.#programs = programs;
    this.#context = context;
    this.#maps = openMaps(programs.collection);
    this.#events = new EventHub(programs.collection, this.#config.pollMs);
    this.#maps.settings.set(0, { events: this.#config.eventLevel });
    programs.adopt();
    programs.attach(uplink, "from-netdev");
    programs.attach(uplink, "to-netdev");
    if (overlay !== undefined) programs.attach(overlay, "from-overlay");
    applyRoutes(network.rtnl, context.plan, context.routers);
  }

  get maps(): DatapathMaps {
    return this.#maps ?? notStarted();
  }

  async attach(hook: EndpointHook): Promise<Attachment> {
    const { network, programs } = this.#running();
    const attachment = createPodInterface(network, hook);
    const device = { name: attachment.interface, index: attachment.ifindex };
    try {
      programs.attach(device, "from-container");
      programs.attach(device, "to-container");
    } catch (error) {
      await this.detach(hook.name);
      throw error;
    }
    return attachment;
  }

  async detach(name: string): Promise<void> {
    const { network, programs } = this.#running();
    const found = podInterfaces(network.rtnl).find((attachment) => attachment.name === name);
    if (found === undefined) return;
    await removePodInterface(network, name);
    programs.detach(found.interface);
  }

  async attachments(): Promise<readonly Attachment[]> {
    return podInterfaces(this.#running().network.rtnl);
  }

  async apply(plan: RoutePlan): Promise<void> {
    const { network, context } = this.#running();
    ensureOverlay(network.rtnl, plan, context.routers);
    applyRoutes(network.rtnl, plan, context.routers);
  }

  events(options: AbortOptions = {}): AsyncIterable<readonly DatapathEvent[]> {
    return (this.#events ?? notStarted()).read(options.signal);
  }

  metrics(): readonly DatapathMetric[] {
    const { collection } = this.#running().programs;
    const table = collection.map(definitions.metrics);
    const metrics: DatapathMetric[] = [];
    for (const [index, perCpu] of table.entries()) {
      const packets = perCpu.reduce((sum, one) => sum + one.packets, 0n);
      const bytes = perCpu.reduce((sum, one) => sum + one.bytes, 0n);
      if (packets > 0n) metrics.push({ name: metricName(index), packets, bytes });
    }
    return metrics;
  }

  now(): number {
    // CLOCK_MONOTONIC, as bpf_ktime_get_ns.
    return Number(process.hrtime.bigint() / 1000n) / 1000;
  }

  async run(packet: Uint8Array, at: HookName, options: RunOptions = {}): Promise<RunResult> {
    const { network, programs } = this.#running();
    const { ifindex = 0, repeat = 1 } = options;
    const result = kernel(`run ${at}`, () =>
      network.netns.run(() =>
        programs.program(at).run({ packet, ctx: { ifindex, ingressIfindex: ifindex }, repeat }),
      ),
    );
    return { verdict: result.verdict, packet: result.packet, nanoseconds: result.nsPerRun };
  }

  async uninstall(): Promise<void> {
    const pinPath = this.#config.pinPath ?? (this.#context && this.#pinPath(this.#context.node));
    if (pinPath === undefined) {
      throw new NetloomError("ERR_OPTIONS_INVALID", "uninstall does not know where this node's pins are", {
        remedy: "give the option pinPath, or start first",
        backend: this.name,
      });
    }
    await this[Symbol.asyncDispose]();
    using network = new NodeNetwork(this.#config.netns);
    removePins(pinPath);
    for (const { name } of podInterfaces(network.rtnl)) await removePodInterface(network, name);
    kernel("remove the tunnel device", () => removeOverlay(network.rtnl));
    this.#unmount();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#events?.[Symbol.dispose]();
    this.#programs?.[Symbol.dispose]();
    this.#network?.[Symbol.dispose]();
    this.#events = undefined;
    this.#programs = undefined;
    this.#network = undefined;
    this.#maps = undefined;
  }

  #running(): {
    readonly network: NodeNetwork;
    readonly programs: Programs;
    readonly context: DatapathContext;
  } {
    const [network, programs, context] = [this.#network, this.#programs, this.#context];
    if (network === undefined || programs === undefined || context === undefined) return notStarted();
    return { network, programs, context };
  }

  #pinPath(node: string): string {
    return this.#config.pinPath ?? join(this.#config.bpffs, "netloom", node);
  }

  #mount(): void {
    const { bpffs } = this.#config;
    const mounted = kernel(`mount a bpf file system at ${bpffs}`, () => mountBpffs(bpffs));
    if (mounted) mkdirSync(join(bpffs, MOUNTED), { recursive: true });
  }

  /** Only a mount of ours, and only when no other node's pins are on it. */
  #unmount(): void {
    const { bpffs } = this.#config;
    if (!isBpffs(bpffs)) return;
    try {
      rmdirSync(join(bpffs, MOUNTED));
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    try {
      rmdirSync(join(bpffs, "netloom"));
    } catch {
      // Somebody else's pins: the mount stays theirs to remove.
      mkdirSync(join(bpffs, MOUNTED));
      return;
    }
    kernel(`unmount ${bpffs}`, () => unmountBpffs(bpffs));
  }
}

function metricName(index: number): string {
  if (index < Metric.METRIC_FORWARDED) {
    return `drop:${dropReasonName(index)?.slice("DROP_".length).toLowerCase().replaceAll("_", "-") ?? index}`;
  }
  if (index === Metric.METRIC_EVENTS_LOST) return "events-lost";
  const outcome = outcomeName(index - Metric.METRIC_FORWARDED);
  return `forward:${outcome?.slice("OUTCOME_".length).toLowerCase().replaceAll("_", "-") ?? index}`;
}

function notStarted(): never {
  throw new NetloomError("ERR_CLOSED", "the datapath is not running", {
    remedy: "await start() first",
    backend: "ebpf",
  });
}
