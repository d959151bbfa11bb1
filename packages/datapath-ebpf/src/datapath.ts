import { features } from "@netloom/bpf-loader";
import {
  type AbortOptions,
  type Attachment,
  type Datapath,
  type DatapathCapabilities,
  type DatapathContext,
  type DatapathEvent,
  type DatapathMaps,
  type DatapathMetric,
  type DatapathNode,
  type Drift,
  type EndpointHook,
  type HookName,
  type RoutePlan,
  type RunOptions,
  type RunResult,
  type Underlay,
} from "@netloom/core";
import { maps as definitions } from "@netloom/core/backend";
import { Arrivals } from "./arrivals.ts";
import { ensureMounted, unmountIfOurs } from "./bpffs.ts";
import { kernel, refused } from "./errors.ts";
import { EventHub } from "./events.ts";
import { ensureHostDevice, HOST_DEVICE, removeHostDevice } from "./host-device.ts";
import { applyInterfaces, removeInterfaces } from "./interfaces.ts";
import { driftsBetween, takeInventory } from "./inventory.ts";
import { openMaps } from "./maps.ts";
import { readMetrics } from "./metrics.ts";
import { NodeNetwork } from "./node.ts";
import { parseOptions, type EbpfConfig, type EbpfOptions } from "./options.ts";
import { ensureOverlay, removeOverlay } from "./overlay.ts";
import { Pins } from "./pins.ts";
import { createPodInterface, podInterfaces, removePodInterface } from "./pods.ts";
import { assertPrivileges } from "./privileges.ts";
import { Programs, type NodeDevices } from "./programs.ts";
import { applyRoutes, removeRoutes } from "./routes.ts";
import { Sole } from "./sole.ts";

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

/** What there is from `start` on. */
interface Running {
  readonly network: NodeNetwork;
  readonly sole: Sole;
  readonly pins: Pins;
  /** Loaded again where a device they name has come back under another number. */
  programs: Programs;
  /** Of earlier loads: `maps` and `events` are theirs. */
  readonly former: Programs[];
  readonly maps: DatapathMaps;
  readonly events: EventHub;
  readonly context: DatapathContext;
  readonly arrivals: Arrivals;
  /** What was to be carried out last. */
  plan: RoutePlan;
}

class EbpfDatapath implements Datapath {
  readonly name = "ebpf";
  readonly capabilities: DatapathCapabilities = { families: [4], packets: true, survivesAgent: true };
  readonly #config: EbpfConfig;
  #running: Running | undefined;
  /** Of the node that was started last: known when it has been stopped, too. */
  #pins: Pins | undefined;

  constructor(config: EbpfConfig) {
    this.#config = config;
    if (config.pinPath !== undefined) this.#pins = new Pins(config.pinPath, config.bpffs);
  }

  async probe({ addresses }: DatapathNode, { signal }: AbortOptions = {}): Promise<Underlay> {
    signal?.throwIfAborted();
    assertPrivileges();
    kernel("look for what the datapath needs", () => {
      for (const feature of ["tcx", "ringbuf", "map:lpm_trie"] as const) features.require(feature);
    });
    using network = new NodeNetwork(this.#config.netns);
    const uplink = network.uplink(this.#config.uplink, addresses);
    return { mtu: uplink.mtu, family: 4, networks: network.networksOf(uplink) };
  }

  async start(context: DatapathContext, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { bpffs, uplink: device } = this.#config;
    await this[Symbol.asyncDispose]();
    const network = new NodeNetwork(this.#config.netns);
    const undo: (() => void)[] = [() => network[Symbol.dispose]()];
    try {
      const uplink = network.uplink(device, context.addresses);
      const sole = await Sole.take(network.netns);
      undo.push(() => sole[Symbol.dispose]());
      const pins = (this.#pins ??= new Pins(Pins.rootOf(context.node, bpffs), bpffs));
      if (ensureMounted(bpffs)) undo.push(() => unmountIfOurs(bpffs));
      if (!pins.exist) undo.push(() => pins.remove());
      const isNew = network.rtnl.links.find(HOST_DEVICE) === undefined;
      if (isNew) undo.push(() => removeHostDevice(network));
      const host = ensureHostDevice(network, context.routers);
      const { link: overlay, made } = ensureOverlay(network.rtnl, context.plan);
      if (made) undo.push(() => removeOverlay(network.rtnl));
      const devices: NodeDevices = {
        uplink: uplink.index,
        host: host.index,
        overlay: overlay?.index ?? 0,
        port: context.plan.overlay?.port,
      };
      const programs = await Programs.load({
        config: this.#config,
        context,
        netns: network.netns,
        pins,
        devices,
        signal,
      });
      undo.push(() => programs[Symbol.dispose]());
      const maps = openMaps(programs.collection);
      const events = new EventHub(programs.collection.map(definitions.events), this.#config.pollMs);
      maps.settings.set(0, { events: this.#config.eventLevel });
      programs.adopt();
      await programs.attachToNode();
      const arrivals = new Arrivals(network.rtnl, () => this.#applyInterfaces());
      undo.push(() => arrivals[Symbol.dispose]());
      const { plan } = context;
      const running = { network, sole, pins, programs, former: [], maps, events, context, arrivals, plan };
      await this.#applyRoutes(running, plan, uplink.index);
      this.#running = running;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  get maps(): DatapathMaps {
    return this.#started().maps;
  }

  async attach(hook: EndpointHook, { signal }: AbortOptions = {}): Promise<Attachment> {
    signal?.throwIfAborted();
    const { network, programs } = this.#started();
    const attachment = createPodInterface(network, hook);
    const { interface: place, ifindex } = attachment;
    try {
      await programs.attach(place, ifindex, "from-container");
      await programs.attach(place, ifindex, "to-container");
    } catch (error) {
      await this.detach(hook.name);
      throw error;
    }
    return attachment;
  }

  async detach(name: string, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { network, programs } = this.#started();
    const found = podInterfaces(network.rtnl).find((attachment) => attachment.name === name);
    if (found === undefined) return;
    await removePodInterface(network, name);
    programs.forget(found.interface);
  }

  async attachments(): Promise<readonly Attachment[]> {
    return podInterfaces(this.#started().network.rtnl);
  }

  async apply(plan: RoutePlan, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const running = this.#started();
    const { uplink } = await this.#ensureDevices(running, plan);
    await this.#applyRoutes(running, plan, uplink);
  }

  async audit(
    plan: RoutePlan,
    hooks: readonly EndpointHook[],
    { signal }: AbortOptions = {},
  ): Promise<readonly Drift[]> {
    signal?.throwIfAborted();
    const running = this.#started();
    const { network, pins } = running;
    const before = takeInventory(network, pins, hooks);
    const failures: unknown[] = [];
    const { uplink } = await this.#ensureDevices(running, plan);
    for (const hook of hooks) await this.attach(hook).catch((error: unknown) => failures.push(error));
    await this.#applyRoutes(running, plan, uplink);
    const drifts = driftsBetween(before, takeInventory(network, pins, hooks));
    if (failures.length > 0) throw new AggregateError(failures, "some endpoints could not be brought back");
    return drifts;
  }

  /** To other nodes, and by the interfaces that pods' addresses belong to. */
  async #applyRoutes(running: Running, plan: RoutePlan, uplink: number): Promise<void> {
    running.plan = plan;
    const { network, context, pins, programs, arrivals } = running;
    applyRoutes(network.rtnl, { plan, routers: context.routers, uplink });
    arrivals.expect((plan.interfaces ?? []).map(({ mac }) => mac));
    arrivals.found(await applyInterfaces(plan, { rtnl: network.rtnl, pins, programs, uplink }));
  }

  /** A device has come that was waited for. */
  async #applyInterfaces(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const { network, context } = running;
    const uplink = network.uplink(this.#config.uplink, context.addresses).index;
    await this.#applyRoutes(running, running.plan, uplink);
  }

  /** The node's own devices, and what is attached to them. */
  async #ensureDevices(running: Running, plan: RoutePlan): Promise<NodeDevices> {
    const { network, context, pins } = running;
    const uplink = network.uplink(this.#config.uplink, context.addresses).index;
    const host = ensureHostDevice(network, context.routers).index;
    const { link } = ensureOverlay(network.rtnl, plan);
    const devices: NodeDevices = { uplink, host, overlay: link?.index ?? 0, port: plan.overlay?.port };
    if (!running.programs.serve(devices)) {
      const options = {
        config: this.#config,
        context: { ...context, plan },
        netns: network.netns,
        pins,
        devices,
      };
      const programs = await Programs.load(options);
      programs.adopt();
      running.former.push(running.programs);
      running.programs = programs;
    }
    await running.programs.attachToNode();
    return devices;
  }

  events(options: AbortOptions = {}): AsyncIterable<readonly DatapathEvent[]> {
    return this.#started().events.read(options.signal);
  }

  metrics(): readonly DatapathMetric[] {
    const { programs, events } = this.#started();
    const counted = readMetrics(programs.collection.map(definitions.metrics));
    return events.unread === 0n
      ? counted
      : [...counted, { name: "events-unread", packets: events.unread, bytes: 0n }];
  }

  now(): number {
    // CLOCK_MONOTONIC, as bpf_ktime_get_ns.
    return Number(process.hrtime.bigint() / 1000n) / 1000;
  }

  async run(packet: Uint8Array, at: HookName, options: RunOptions = {}): Promise<RunResult> {
    const { network, programs } = this.#started();
    const { ifindex = 0, repeat = 1 } = options;
    const result = kernel(`run ${at}`, () =>
      network.netns.run(() =>
        programs.program(at).run({ packet, ctx: { ifindex, ingressIfindex: ifindex }, repeat }),
      ),
    );
    return { verdict: result.verdict, packet: result.packet, nanoseconds: result.nsPerRun };
  }

  /**
   * Works without a start too, so that what a killed process left can be taken away: the node's pins are found by the
   * devices they are attached to.
   */
  async uninstall({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    assertPrivileges();
    const { bpffs } = this.#config;
    await this[Symbol.asyncDispose]();
    using network = new NodeNetwork(this.#config.netns);
    using _sole = await Sole.take(network.netns);
    const found = this.#pins === undefined ? Pins.find(network.netns, bpffs) : [this.#pins];
    for (const pins of found) pins.remove();
    for (const { name } of podInterfaces(network.rtnl)) await removePodInterface(network, name);
    kernel("remove the node's devices and routes", () => {
      removeRoutes(network.rtnl);
      removeInterfaces(network.rtnl);
      removeOverlay(network.rtnl);
      removeHostDevice(network);
    });
    unmountIfOurs(bpffs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.events[Symbol.dispose]();
    running?.arrivals[Symbol.dispose]();
    for (const programs of [running?.programs, ...(running?.former ?? [])]) programs?.[Symbol.dispose]();
    running?.network[Symbol.dispose]();
    running?.sole[Symbol.dispose]();
  }

  #started(): Running {
    if (this.#running !== undefined) return this.#running;
    throw refused("ERR_CLOSED", "the datapath is not running", { remedy: "await start() first" });
  }
}
