import { parseAddress, type DatapathEvent, type DatapathMetric, type Runtime } from "@netloom/core";
import { seededRandom } from "@netloom/core/memory";
import { modelDatapath, modelFabric, type ModelDatapath } from "@netloom/datapath-model";
import type {
  BenchOptions,
  Device,
  Pass,
  Passage,
  PodName,
  Tables,
  WalkBench,
} from "../../datapath-ebpf/test/walk/bench.ts";
import { NODE, PLAN, POD_ADDRESSES, ROUTER } from "../../datapath-ebpf/test/walk/world.ts";

const UPLINK = 2;
const OVERLAY = 3;

/** What the kernel's walks are held to, on the model. */
export class ModelBench implements WalkBench {
  readonly datapath: ModelDatapath;
  readonly pods: WalkBench["pods"];

  private constructor(datapath: ModelDatapath, pods: WalkBench["pods"]) {
    this.datapath = datapath;
    this.pods = pods;
  }

  static async open(options: BenchOptions = {}): Promise<ModelBench> {
    const runtime: Runtime = {
      // Far enough from its beginning for what is said to have been long ago.
      clock: { now: () => 0, monotonic: () => 1e9 + performance.now(), after: () => ({ cancel: () => {} }) },
      random: seededRandom(1),
    };
    const { masquerade = true, allowLocalHost = true, overlay = true } = options;
    const datapath = modelDatapath({
      ...{ fabric: modelFabric({ runtime }), runtime, masquerade },
      // As the kernel's bench: one link, and no way off it.
      networks: [`${NODE.slice(0, NODE.lastIndexOf("."))}.0/24`],
    });
    await datapath.start({
      node: "walk",
      addresses: [NODE],
      routers: [ROUTER],
      plan: overlay ? PLAN : { ...PLAN, overlay: undefined },
      worldIdentity: 2,
      allowLocalHost,
      runtime,
    });
    const pods: Partial<Record<PodName, WalkBench["pods"]["a"]>> = {};
    for (const [name, address] of Object.entries(POD_ADDRESSES)) {
      pods[name as PodName] = await datapath.attach({
        name,
        addresses: [address],
        netns: "",
        interface: "eth0",
        gateways: [ROUTER],
        mtu: PLAN.podMtu,
      });
    }
    return new ModelBench(datapath, pods as WalkBench["pods"]);
  }

  get fragments(): WalkBench["fragments"] {
    return this.datapath.fragments;
  }

  ifindex(device: Device): number {
    if (device === "uplink") return UPLINK;
    return device === "overlay" ? OVERLAY : this.pods[device].ifindex;
  }

  async send(packet: Uint8Array, { at, device, mark, tunnel }: Passage): Promise<Pass> {
    const before = this.#tables();
    const counts = this.datapath.metrics();
    const key = tunnel && { id: tunnel.vni, remote: parseAddress(tunnel.node).w3 };
    const options = {
      ifindex: this.ifindex(device),
      mark: mark ?? 0,
      ...(key === undefined ? {} : { tunnel: key }),
    };
    const result = this.datapath.runSync(packet, at, options);
    return {
      verdict: result.verdict,
      packet: result.packet,
      mark: mark === undefined ? undefined : result.mark,
      events: result.events.map(withLine),
      before,
      after: this.#tables(),
      counted: difference(counts, this.datapath.metrics()),
    };
  }

  async occupy(protocol: "tcp" | "udp", port: number): Promise<AsyncDisposable> {
    const { host } = this.datapath;
    if (protocol === "tcp") host.listen(port);
    else host.answer(port);
    return { [Symbol.asyncDispose]: async () => host.close(port) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.datapath[Symbol.asyncDispose]();
  }

  #tables(): Tables {
    const { conntrack, nat } = this.datapath.maps;
    return {
      conntrack: [...conntrack.entries()],
      nat: [...nat.entries()],
      fragments: [...this.fragments.entries()],
    };
  }
}

/** Drops name a line of the C source, which the model has not. */
function withLine(event: DatapathEvent): DatapathEvent {
  return event.reason === 0 ? event : { ...event, line: 1 };
}

function difference(
  before: readonly DatapathMetric[],
  after: readonly DatapathMetric[],
): readonly DatapathMetric[] {
  const old = new Map(before.map((metric) => [metric.name, metric]));
  return after.flatMap(({ name, packets, bytes }) => {
    const was = old.get(name) ?? { packets: 0n, bytes: 0n };
    return packets === was.packets
      ? []
      : [{ name, packets: packets - was.packets, bytes: bytes - was.bytes }];
  });
}
