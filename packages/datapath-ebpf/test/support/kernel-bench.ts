import { closeSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import {
  load,
  openPinnedLink,
  openPinnedMap,
  openProgramById,
  parseObject,
  type BpfMap,
  type Collection,
  type ProgArray,
  type SkbContext,
  type Program,
} from "@netloom/bpf-loader";
import {
  parseAddress,
  systemRuntime,
  type Datapath,
  type DatapathEvent,
  type DatapathMetric,
  type HookName,
  type TypedMap,
} from "@netloom/core";
import { maps as definitions, type FragmentKey, type FragmentValue } from "@netloom/core/backend";
import { ebpf } from "@netloom/datapath-ebpf";
import { listenTcp, Netns, Rtnl } from "@netloom/netlink";
import type { BenchOptions, Device, Pass, Passage, PodName, Tables, WalkBench } from "../walk/bench.ts";
import { NODE, PLAN, POD_ADDRESSES, ROUTER } from "../walk/world.ts";

const TUNNELLED = new URL("tunnelled.bpf.o", import.meta.url);
const POLL_MS = 1;
const NAMES: readonly PodName[] = ["a", "b", "c"];

/** Small tables: they are read whole before and after every packet. */
const ENTRIES = { conntrack: 1024, nat: 1024, fragments: 1024, policy: 4096, backends: 64, maglev: 64 };

/**
 * Benches in the kernel, each in network namespaces of its own. One of each kind is kept and cleaned between uses;
 * `[Symbol.asyncDispose]` takes them all away.
 */
export class KernelBenches implements AsyncDisposable {
  readonly #kept = new Map<string, Promise<KernelBench>>();

  readonly create = async (options: BenchOptions = {}): Promise<WalkBench> => {
    const kind = JSON.stringify(options);
    let kept = this.#kept.get(kind);
    if (kept === undefined) this.#kept.set(kind, (kept = KernelBench.open(options, this.#kept.size)));
    const bench = await kept;
    bench.clear();
    return bench;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    for (const kept of this.#kept.values()) await (await kept.catch(() => undefined))?.close();
  }
}

class KernelBench implements WalkBench {
  readonly datapath: Datapath;
  readonly pods: WalkBench["pods"];
  readonly fragments: TypedMap<FragmentKey, FragmentValue>;
  readonly #netns: Netns;
  readonly #devices: Readonly<Record<"uplink" | "overlay", number>>;
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #tunnelled: Collection;
  readonly #events: DatapathEvent[] = [];
  #undo: AsyncDisposableStack;

  private constructor(parts: {
    readonly datapath: Datapath;
    readonly pods: WalkBench["pods"];
    readonly netns: Netns;
    readonly devices: Readonly<Record<"uplink" | "overlay", number>>;
    readonly pins: string;
    readonly tunnelled: Collection;
    readonly undo: AsyncDisposableStack;
  }) {
    this.datapath = parts.datapath;
    this.pods = parts.pods;
    this.#netns = parts.netns;
    this.#devices = parts.devices;
    this.#tunnelled = parts.tunnelled;
    this.#undo = parts.undo;
    const fragments = this.#undo.use(
      openPinnedMap(join(parts.pins, "maps/fragments"), definitions.fragments),
    );
    this.fragments = { ...typed(fragments), name: "fragments", maxEntries: ENTRIES.fragments };
    const places = [`${this.pods.a.interface}-from-container`, "uplink-from-netdev", "uplink-to-netdev"];
    if (this.#devices.overlay > 0) places.push("overlay-from-overlay");
    this.#programs = new Map(
      places.map((place) => {
        using link = openPinnedLink(join(parts.pins, "links", place));
        const program = this.#undo.use(openProgramById(link.info().programId));
        return [place.slice(place.indexOf("-") + 1), program];
      }),
    );
    const reader = new AbortController();
    this.#undo.defer(() => reader.abort());
    void this.#read(this.datapath.events({ signal: reader.signal }));
  }

  static async open(options: BenchOptions, number: number): Promise<KernelBench> {
    await using undo = new AsyncDisposableStack();
    const name = (part: string): string => `nlwalk-${process.pid}-${number}-${part}`;
    const namespace = (part: string): Netns => {
      const netns = Netns.create(name(part));
      undo.defer(() => {
        netns.close();
        Netns.delete(name(part));
      });
      return netns;
    };
    const netns = namespace("node");
    const fabric = namespace("fabric");
    const pods = NAMES.map((pod) => [pod, namespace(pod)] as const);
    using rtnl = Rtnl.open({ netns });
    rtnl.links.set("lo", { up: true });
    const uplink = rtnl.links.create({
      kind: "veth",
      name: "uplink",
      up: true,
      peer: { name: "far", netns: fabric, up: true },
    });
    rtnl.addresses.add({ device: "uplink", address: `${NODE}/24` });
    const bpffs = mkdtempSync(join(tmpdir(), "netloom-walk-"));
    undo.defer(() => rmdirSync(bpffs));
    const pins = join(bpffs, "pins");
    const datapath = ebpf({
      netns,
      bpffs,
      pinPath: pins,
      pollMs: POLL_MS,
      masquerade: options.masquerade ?? true,
      maxEntries: { ...ENTRIES, nat: options.mappings ?? ENTRIES.nat },
    });
    undo.defer(async () => datapath.uninstall());
    await datapath.start({
      node: "walk",
      addresses: [NODE],
      routers: [ROUTER],
      plan: options.overlay === false ? { ...PLAN, overlay: undefined } : PLAN,
      worldIdentity: 2,
      allowLocalHost: options.allowLocalHost ?? true,
      runtime: systemRuntime,
    });
    const attached = await Promise.all(
      pods.map(async ([pod]) => [
        pod,
        await datapath.attach({
          name: pod,
          addresses: [POD_ADDRESSES[pod]],
          netns: name(pod),
          interface: "eth0",
          gateways: [ROUTER],
          mtu: PLAN.podMtu,
        }),
      ]),
    );
    const tunnelled = undo.use(
      await load(parseObject(new Uint8Array(readFileSync(TUNNELLED)), { name: "tunnelled" })),
    );
    const overlay = rtnl.links.find("netloom_vxlan")?.index ?? 0;
    const bench = new KernelBench({
      datapath,
      pods: Object.fromEntries(attached) as WalkBench["pods"],
      netns,
      devices: { uplink: uplink.index, overlay },
      pins,
      tunnelled,
      undo,
    });
    bench.#undo = undo.move();
    return bench;
  }

  ifindex(device: Device): number {
    return device === "uplink" || device === "overlay" ? this.#devices[device] : this.pods[device].ifindex;
  }

  async send(packet: Uint8Array, passage: Passage): Promise<Pass> {
    const before = this.#tables();
    const counts = this.datapath.metrics();
    this.#events.length = 0;
    const { verdict, packet: out, mark } = await this.#run(packet, passage);
    const counted = difference(counts, this.datapath.metrics());
    // The reader's timer is due before this one, on the same loop.
    await wait(3 * POLL_MS);
    return { verdict, packet: out, mark, events: [...this.#events], before, after: this.#tables(), counted };
  }

  /** `Datapath.run`, but for what it has no words for: marks and tunnels. */
  async #run(
    packet: Uint8Array,
    { at, device, mark, tunnel }: Passage,
  ): Promise<{ readonly verdict: number; readonly packet: Uint8Array; readonly mark: number | undefined }> {
    const ifindex = this.ifindex(device);
    if (mark === undefined && tunnel === undefined) {
      return { ...(await this.datapath.run(packet, at, { ifindex })), mark };
    }
    const program = tunnel === undefined ? this.#programs.get(at)! : this.#behindTunnel(at, tunnel);
    const result = this.#netns.run(() =>
      program.run({ packet, ctx: { ifindex, ingressIfindex: ifindex, mark: mark ?? 0 } }),
    );
    return {
      verdict: result.verdict,
      packet: result.packet,
      mark: mark === undefined ? undefined : (result.ctx as SkbContext).mark,
    };
  }

  #behindTunnel(at: HookName, { vni, node }: NonNullable<Passage["tunnel"]>): Program {
    const value = new DataView(new ArrayBuffer(8));
    value.setUint32(0, vni, true);
    value.setUint32(4, parseAddress(node).w3, true);
    const header = this.#tunnelled.map("tunnel") as BpfMap<Uint8Array, Uint8Array>;
    const next = this.#tunnelled.map("next") as ProgArray;
    header.set(new Uint8Array(4), new Uint8Array(value.buffer));
    next.set(0, this.#programs.get(at)!);
    return this.#tunnelled.program("tunnelled");
  }

  async occupy(protocol: "tcp" | "udp", port: number): Promise<AsyncDisposable> {
    if (protocol === "tcp") {
      const fd = listenTcp(this.#netns, { port });
      return { [Symbol.asyncDispose]: async () => closeSync(fd) };
    }
    const script = `require("node:dgram").createSocket("udp4").bind(${port}, () => console.log("bound"))`;
    const child = this.#netns.spawn(process.execPath, ["-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    await Promise.race([gone, new Promise((resolve) => child.stdout!.once("data", resolve))]);
    return {
      [Symbol.asyncDispose]: async () => {
        child.kill();
        await gone;
      },
    };
  }

  /** Empties every table. */
  clear(): void {
    const { maps } = this.datapath;
    const { endpoints, ipcache, ipcachePrefixes, policy, services, conntrack, nat } = maps;
    for (const table of [
      endpoints,
      ipcache,
      ipcachePrefixes,
      policy,
      services,
      conntrack,
      nat,
      this.fragments,
    ])
      empty(table as TypedMap<unknown, unknown>);
  }

  /** Kept for the next case. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async close(): Promise<void> {
    await this.#undo.disposeAsync();
  }

  #tables(): Tables {
    const { conntrack, nat } = this.datapath.maps;
    return {
      conntrack: [...conntrack.entries()],
      nat: [...nat.entries()],
      fragments: [...this.fragments.entries()],
    };
  }

  async #read(batches: AsyncIterable<readonly DatapathEvent[]>): Promise<void> {
    for await (const batch of batches) this.#events.push(...batch);
  }
}

function typed<K, V>(map: BpfMap<K, V>): Omit<TypedMap<K, V>, "name" | "maxEntries"> {
  return {
    get: (key) => map.get(key),
    set: (key, value) => void map.set(key, value),
    delete: (key) => map.delete(key),
    entries: () => map.entries(),
    setMany: (entries) => map.setMany(entries),
    deleteMany: (keys) => map.deleteMany(keys),
  };
}

function empty<K>(table: TypedMap<K, unknown>): void {
  table.deleteMany([...table.entries()].map(([key]) => key));
}

function difference(before: readonly DatapathMetric[], after: readonly DatapathMetric[]): DatapathMetric[] {
  const old = new Map(before.map((metric) => [metric.name, metric]));
  return after
    .map(({ name, packets, bytes }) => ({
      name,
      packets: packets - (old.get(name)?.packets ?? 0n),
      bytes: bytes - (old.get(name)?.bytes ?? 0n),
    }))
    .filter(({ packets }) => packets > 0n);
}
