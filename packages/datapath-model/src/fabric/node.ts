import {
  parseAddress,
  parseCidr,
  writeMac,
  type Attachment,
  type Cidr,
  type DatapathContext,
  type EndpointHook,
  type NodeInterface,
  type RoutePlan,
} from "@netloom/core";
import { ofFamily, ReservedIdentity } from "@netloom/core/backend";
import { tablesOf } from "../node-config.ts";
import type { NodeState } from "../node-state.ts";
import { readFrame } from "../packets/read.ts";
import { pass } from "../programs/index.ts";
import { Packet, type TunnelKey } from "../walk/packet.ts";
import { IpProtocol } from "../walk/protocols.ts";
import type { Verdict } from "../walk/verdict.ts";
import type { ModelConfig } from "../options.ts";
import { addressText, destinationOf, type FabricPort, type ModelFabric } from "./fabric.ts";
import { FIRST_INTERFACE_IFINDEX, FIRST_POD_IFINDEX, OVERLAY_IFINDEX, UPLINK_IFINDEX } from "./devices.ts";
import { Host } from "./host.ts";
import { ModelPod } from "./pod.ts";
import { RouteTable } from "./routes.ts";
import { decapsulate, encapsulate } from "./vxlan.ts";

/** One node: its devices, the programs attached to them, and its own stack. Carries out what the programs decide. */
export class ModelNode {
  readonly host: Host;
  readonly pods: Map<string, ModelPod> = new Map();
  readonly #fabric: ModelFabric;
  readonly #state: NodeState;
  readonly #byIfindex = new Map<number, ModelPod>();
  #nextIfindex = FIRST_POD_IFINDEX;
  #uplink: FabricPort | undefined;
  /** Plugs of the interfaces that pods' addresses belong to, by the address of each. */
  readonly #interfaces = new Map<string, FabricPort>();
  /** Of the plan, in its order. */
  #planInterfaces: readonly NodeInterface[] = [];
  #address = "";
  #router: string | undefined;
  #tunnels: readonly { readonly prefix: Cidr; readonly remote: number }[] = [];
  /** Prefixes of the routes that the plan asks for. */
  #planned: readonly Cidr[] = [];
  readonly #config: Pick<ModelConfig, "networks" | "routes">;

  constructor({ fabric, networks, routes }: ModelConfig, state: NodeState) {
    this.#fabric = fabric;
    this.#config = { networks, routes };
    state.mtu = fabric.mtu;
    this.#state = state;
    this.host = new Host(
      {
        owns: (address) => this.#owns(address),
        addressFor: (destination) => this.#addressFor(destination),
        transmit: (frame) => this.#fromHost(frame),
      },
      fabric,
    );
    state.portInUse = ({ protocol, port, peer, peerPort }) =>
      protocol === IpProtocol.TCP || protocol === IpProtocol.UDP
        ? this.host.uses(protocol, port, `${addressText(peer)}:${peerPort}`)
        : false;
  }

  start({ addresses, routers, plan }: DatapathContext): void {
    const address = ofFamily(addresses, 4);
    this.#router = ofFamily(routers, 4);
    if (address !== undefined && address !== this.#address) {
      this.#uplink?.unplug();
      this.#uplink = this.#fabric.plug(address, (frame) => this.#fromFabric(frame));
      this.#address = address;
    }
    this.apply(plan);
  }

  apply(plan: RoutePlan): void {
    this.#tunnels = plan.tunnels
      .filter(({ prefix }) => !prefix.includes(":"))
      .map(({ prefix, endpoint }) => ({ prefix: parseCidr(prefix), remote: parseAddress(endpoint).w3 }));
    this.#applyInterfaces(plan.interfaces ?? []);
    this.#state.tables = tablesOf(plan);
    this.#planned = plan.routes.map(({ prefix }) => parseCidr(prefix));
    const { networks, routes } = this.#config;
    // As the kernel's: a route that somebody else has put there stays.
    this.#state.routes = new RouteTable([
      ...plan.routes.map(({ prefix, via }) => ({ to: prefix, via })),
      ...networks.map((to) => ({ to })),
      ...routes,
    ]);
  }

  /** @param interfaces - in the order in which their devices are numbered. */
  #applyInterfaces(interfaces: readonly NodeInterface[]): void {
    for (const [address, port] of this.#interfaces) {
      if (interfaces.some((one) => one.address === address)) continue;
      port.unplug();
      this.#interfaces.delete(address);
    }
    for (const { address } of interfaces) {
      if (this.#interfaces.has(address)) continue;
      const ifindex = (): number => this.#ifindexOf(address);
      const port = this.#fabric.plug(address, (frame) => this.#fromFabric(frame, ifindex()));
      this.#interfaces.set(address, port);
    }
    this.#planInterfaces = interfaces;
  }

  #ifindexOf(address: string): number {
    return FIRST_INTERFACE_IFINDEX + this.#planInterfaces.findIndex((one) => one.address === address);
  }

  stop(): void {
    this.#applyInterfaces([]);
    this.#state.tables = new Map();
    this.#uplink?.unplug();
    this.#uplink = undefined;
    this.#address = "";
    for (const name of this.pods.keys()) this.detach(name);
  }

  attach(hook: EndpointHook): ModelPod {
    const known = this.pods.get(hook.name);
    if (known !== undefined) {
      known.readdress(hook.addresses);
      return known;
    }
    const ifindex = this.#nextIfindex++;
    const attachment: Attachment = {
      name: hook.name,
      ifindex,
      interface: `model${ifindex}`,
      mac: macOf(this.#address, ifindex, 0),
      gatewayMac: macOf(this.#address, ifindex, 1),
    };
    const pod = new ModelPod(hook, attachment, this.#fabric, (frame) => this.#fromPod(ifindex, frame));
    this.pods.set(hook.name, pod);
    this.#byIfindex.set(ifindex, pod);
    this.#fabric.named(hook.name, pod);
    return pod;
  }

  detach(name: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined) return;
    this.pods.delete(name);
    this.#byIfindex.delete(pod.attachment.ifindex);
    this.#fabric.named(name, undefined);
  }

  #fromPod(ifindex: number, frame: Uint8Array): void {
    // An interface that is gone takes what was in it along.
    if (!this.#byIfindex.has(ifindex)) return;
    const packet = new Packet(frame, ifindex);
    this.#go(pass(this.#state, packet, "from-container"), packet);
  }

  #fromFabric(frame: Uint8Array, ifindex = UPLINK_IFINDEX): void {
    const packet = new Packet(frame, ifindex);
    const verdict = pass(this.#state, packet, "from-netdev");
    const tunnelled = verdict.kind === "next" ? this.#inside(frame) : undefined;
    if (tunnelled !== undefined) {
      const inner = new Packet(tunnelled.inner, OVERLAY_IFINDEX);
      inner.tunnel = tunnelled.key;
      this.#go(pass(this.#state, inner, "from-overlay"), inner);
      return;
    }
    this.#go(verdict, packet);
  }

  /** What a tunnel's outside for this node brings. */
  #inside(frame: Uint8Array): ReturnType<typeof decapsulate> {
    const { overlayIfindex, overlayPort } = this.#state.config;
    if (overlayIfindex === 0 || readFrame(frame)?.destination !== this.#address) return undefined;
    return decapsulate(frame, overlayPort);
  }

  #go(verdict: Verdict, packet: Packet): void {
    switch (verdict.kind) {
      case "drop":
        return;
      case "peer":
        this.#byIfindex.get(verdict.ifindex)?.deliver(packet.bytes);
        return;
      case "device":
        if (verdict.ifindex === OVERLAY_IFINDEX && packet.tunnel !== undefined) {
          this.#encapsulate(packet.bytes, packet.tunnel);
        } else this.#toPod(verdict.ifindex, packet.bytes);
        return;
      case "neighbour":
        if (verdict.ifindex === UPLINK_IFINDEX) this.#leave(packet, verdict.nextHop);
        else this.#leaveBy(verdict.ifindex, packet, verdict.nextHop);
        return;
      default:
        // Nobody but the node itself: it forwards nothing by its own routes.
        if (this.#owns(readFrame(packet.bytes)?.destination)) this.host.receive(packet.bytes);
    }
  }

  #encapsulate(inner: Uint8Array, key: TunnelKey): void {
    const { nodeIpv4, overlayPort } = this.#state.config;
    this.#leave(new Packet(encapsulate(inner, key, nodeIpv4, overlayPort), UPLINK_IFINDEX));
  }

  /** By the uplink. As the kernel, it takes what no route is for to be on the link. */
  #leave(packet: Packet, nextHop = this.#state.routes.nextHop(destinationOf(packet.bytes))): void {
    packet.ifindex = UPLINK_IFINDEX;
    if (pass(this.#state, packet, "to-netdev").kind !== "drop") this.#uplink?.send(packet.bytes, nextHop);
  }

  /** By an interface of pods' addresses: nothing is attached to its way out. */
  #leaveBy(ifindex: number, { bytes }: Packet, nextHop: number | undefined): void {
    const one = this.#planInterfaces[ifindex - FIRST_INTERFACE_IFINDEX];
    if (one !== undefined) this.#interfaces.get(one.address)?.send(bytes, nextHop);
  }

  /** By the node side of a pod's interface. */
  #toPod(ifindex: number, frame: Uint8Array): void {
    const packet = new Packet(frame, ifindex);
    if (pass(this.#state, packet, "to-container").kind === "drop") return;
    this.#byIfindex.get(ifindex)?.deliver(packet.bytes);
  }

  /** What the node's own stack sends, by the node's routes. */
  #fromHost(frame: Uint8Array): void {
    const { source, destination } = readFrame(frame) ?? {};
    if (source === undefined || destination === undefined) return;
    const bound = this.#planInterfaces.find(({ address }) => address === source);
    if (bound !== undefined) {
      const nextHop = parseAddress(bound.gateway).w3;
      return this.#leaveBy(this.#ifindexOf(source), new Packet(frame, 0), nextHop);
    }
    const pod = [...this.pods.values()].find(({ addresses }) => addresses.includes(destination));
    if (pod !== undefined) {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
      writeMac(pod.attachment.mac, view, 0);
      writeMac(pod.attachment.gatewayMac, view, 6);
      this.#toPod(pod.attachment.ifindex, frame);
      return;
    }
    const remote = this.#tunnelTo(destination);
    if (remote === undefined) this.#leave(new Packet(frame, UPLINK_IFINDEX));
    else this.#encapsulate(frame, { id: ReservedIdentity.IDENTITY_REMOTE_NODE, remote });
  }

  #owns(address: string | undefined): boolean {
    if (address === undefined) return false;
    return address === this.#address || address === this.#router || this.#interfaces.has(address);
  }

  /** Towards pods the node bears its address in the pod CIDR. */
  #addressFor(destination: string): string {
    const local = [...this.pods.values()].some(({ addresses }) => addresses.includes(destination));
    const address = parseAddress(destination);
    const planned = this.#planned.some((prefix) => prefix.contains(address));
    const inside = local || planned || this.#tunnelTo(destination) !== undefined;
    return inside ? (this.#router ?? this.#address) : this.#address;
  }

  #tunnelTo(destination: string): number | undefined {
    const address = parseAddress(destination);
    return this.#tunnels.find(({ prefix }) => prefix.contains(address))?.remote;
  }
}

/** Locally administered; the same for the same interface of the same node. */
function macOf(node: string, ifindex: number, side: 0 | 1): number {
  const low = node === "" ? 0 : parseAddress(node).w3 & 0xffff;
  return 0x0a00_0000_0000 + low * 2 ** 16 + (ifindex & 0x7fff) * 2 + side;
}
