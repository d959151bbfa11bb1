import { readFileSync, mkdtempSync, rmdirSync } from "node:fs";
import { closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BpfMap,
  load,
  openPinnedLink,
  openPinnedMap,
  openProgramById,
  parseObject,
  ProgArray,
  type Collection,
  type Program,
  type RingReader,
  type SkbContext,
} from "@netloom/bpf-loader";
import {
  systemRuntime,
  type Attachment,
  type Datapath,
  type DatapathContext,
  type DatapathEvent,
  type DatapathMaps,
  type HookName,
} from "@netloom/core";
import { eventCodec, maps as definitions, type FragmentKey, type FragmentValue } from "@netloom/core/backend";
import { ebpf } from "@netloom/datapath-ebpf";
import type { TunnelKey } from "@netloom/datapath-model";
import { listenTcp, Netns, Rtnl } from "@netloom/netlink";
import { INTERFACE, NODE, NODE_SOCKET, PLAN, PODS, ROUTER } from "./places.ts";

/** Sets what a tunnel device would tell of a packet, and goes on into the program: shared with the walks' bench. */
const TUNNELLED = new URL("../../../datapath-ebpf/test/support/tunnelled.bpf.o", import.meta.url);

/** Small tables: they are read whole. */
const ENTRIES = {
  conntrack: 512,
  nat: 512,
  fragments: 512,
  policy: 1024,
  services: 64,
  maglev: 64,
  backends: 64,
  ipcache: 64,
  ipcache_prefixes: 64,
};

/** What a program is run on. */
export interface Input {
  readonly at: HookName;
  readonly ifindex: number;
  readonly mark: number;
  readonly tunnel: TunnelKey | undefined;
}

export interface Output {
  readonly verdict: number;
  readonly packet: Uint8Array;
  readonly mark: number;
  readonly events: readonly DatapathEvent[];
}

export const CONTEXT: Omit<DatapathContext, "runtime"> = {
  node: "differential",
  addresses: [NODE],
  routers: [ROUTER],
  plan: PLAN,
  worldIdentity: 2,
  allowLocalHost: true,
};

/** The kernel's datapath, started once in namespaces of its own; its programs are run, not sent through. */
export class KernelSide implements AsyncDisposable {
  readonly datapath: Datapath;
  readonly pods: readonly Attachment[];
  readonly fragments: BpfMap<FragmentKey, FragmentValue>;
  readonly uplink: number;
  readonly overlay: number;
  readonly #netns: Netns;
  readonly #programs: ReadonlyMap<HookName, Program>;
  readonly #events: RingReader<DatapathEvent>;
  readonly #tunnelled: Collection;
  readonly #header: BpfMap<Uint8Array, Uint8Array>;
  readonly #undo: AsyncDisposableStack;

  private constructor(parts: {
    readonly datapath: Datapath;
    readonly pods: readonly Attachment[];
    readonly uplink: number;
    readonly overlay: number;
    readonly netns: Netns;
    readonly pins: string;
    readonly tunnelled: Collection;
    readonly undo: AsyncDisposableStack;
  }) {
    const { undo, pins, pods } = parts;
    this.datapath = parts.datapath;
    this.pods = pods;
    this.uplink = parts.uplink;
    this.overlay = parts.overlay;
    this.#netns = parts.netns;
    this.#tunnelled = parts.tunnelled;
    this.#undo = undo;
    this.fragments = undo.use(openPinnedMap(join(pins, "maps/fragments"), definitions.fragments));
    const ring = undo.use(openPinnedMap(join(pins, "maps/events"), definitions.events));
    this.#events = undo.use(ring.reader((view, offset) => eventCodec.decode(view, offset)));
    const attached = (place: string, at: HookName): readonly [HookName, Program] => {
      using link = openPinnedLink(join(pins, "links", `${place}-${at}`));
      return [at, undo.use(openProgramById(link.info().programId))];
    };
    const pod = pods[0]!.interface;
    this.#programs = new Map([
      attached(pod, "from-container"),
      attached(pod, "to-container"),
      attached("uplink", "from-netdev"),
      attached("uplink", "to-netdev"),
      attached("overlay", "from-overlay"),
    ]);
    const [header, next] = [this.#tunnelled.map("tunnel"), this.#tunnelled.map("next")];
    if (!(header instanceof BpfMap && next instanceof ProgArray))
      throw new TypeError("tunnelled.bpf.o changed");
    this.#header = header as BpfMap<Uint8Array, Uint8Array>;
    next.set(0, this.#programs.get("from-overlay")!);
  }

  static async open(): Promise<KernelSide> {
    await using undo = new AsyncDisposableStack();
    const name = (part: string): string => `nldiff-${process.pid}-${part}`;
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
    for (const address of PODS) namespace(address);
    using rtnl = Rtnl.open({ netns });
    rtnl.links.set("lo", { up: true });
    const peer = { name: "far", netns: fabric, up: true };
    const uplink = rtnl.links.create({ kind: "veth", name: "uplink", up: true, peer });
    rtnl.addresses.add({ device: "uplink", address: `${NODE}/24` });
    const other = { name: "other", netns: fabric, up: true };
    rtnl.links.create({ kind: "veth", name: "interface", mac: INTERFACE.mac, up: true, peer: other });
    const bpffs = mkdtempSync(join(tmpdir(), "netloom-differential-"));
    undo.defer(() => rmdirSync(bpffs));
    const pins = join(bpffs, "pins");
    const datapath = ebpf({ netns, bpffs, pinPath: pins, maxEntries: ENTRIES });
    undo.defer(async () => datapath.uninstall());
    await datapath.start({ ...CONTEXT, runtime: systemRuntime });
    const pods: Attachment[] = [];
    for (const address of PODS) {
      pods.push(
        await datapath.attach({
          name: address,
          addresses: [address],
          netns: name(address),
          interface: "eth0",
          gateways: [ROUTER],
          mtu: PLAN.podMtu,
        }),
      );
    }
    const listening = listenTcp(netns, { port: NODE_SOCKET });
    undo.defer(() => closeSync(listening));
    const bytes = new Uint8Array(readFileSync(TUNNELLED));
    const tunnelled = undo.use(await load(parseObject(bytes, { name: "tunnelled" })));
    const overlay = rtnl.links.get("netloom_vxlan").index;
    return new KernelSide({
      ...{ datapath, pods, uplink: uplink.index, overlay, netns, pins, tunnelled },
      undo: undo.move(),
    });
  }

  get maps(): DatapathMaps {
    return this.datapath.maps;
  }

  /** Makes the calling thread's interfaces those of the node, for as long as it takes. */
  within(work: () => void): void {
    this.#netns.run(work);
  }

  /** To be called {@link KernelSide.within} the node. */
  run(packet: Uint8Array, { at, ifindex, mark, tunnel }: Input): Output {
    const program = tunnel === undefined ? this.#programs.get(at)! : this.#behindTunnel(tunnel);
    const given: Partial<SkbContext> = { ifindex, ingressIfindex: ifindex, mark };
    const result = program.run({ packet, ctx: given });
    const { verdict, packet: out, ctx } = result;
    return { verdict, packet: out, mark: ctx.mark, events: this.#events.drain() };
  }

  /** Forgets what was told before. */
  discardEvents(): void {
    this.#events.drain();
  }

  #behindTunnel({ id, remote }: TunnelKey): Program {
    const value = new DataView(new ArrayBuffer(8));
    value.setUint32(0, id, true);
    value.setUint32(4, remote, true);
    this.#header.set(new Uint8Array(4), new Uint8Array(value.buffer));
    return this.#tunnelled.program("tunnelled");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
  }
}
