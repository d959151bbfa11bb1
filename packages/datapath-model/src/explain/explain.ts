import {
  NetloomError,
  parseAddress,
  parseCidr,
  type Flow,
  type HookName,
  type Inspection,
  type Provenance,
} from "@netloom/core";
import { DropReason, EventLevel, type Event } from "@netloom/core/backend";
import { UPLINK_IFINDEX } from "../fabric/devices.ts";
import { configOf, tablesOf } from "../node-config.ts";
import { NodeState } from "../node-state.ts";
import { pass } from "../programs/index.ts";
import { Packet, type TunnelKey } from "../walk/packet.ts";
import type { Verdict } from "../walk/verdict.ts";
import { LookedUp, type LookUp } from "./looked-up.ts";
import { IpProtocol } from "../walk/protocols.ts";
import { frameOf, portOf, type PacketQuestion } from "./question.ts";

/** One pass of the packet through one program. */
export interface ExplainedHop {
  readonly node: string;
  readonly hook: HookName;
  /** What the program tells of it; `undefined`: it is none of the program's business. */
  readonly flow: Flow | undefined;
  /** Every table entry that was asked for, and the facts behind those that were there. */
  readonly lookUps: readonly LookUp[];
  /** Where no entry but the default denied: the policies that turned the default. */
  readonly deniedBy: readonly Provenance[];
}

export interface Explanation {
  readonly hops: readonly ExplainedHop[];
  /**
   * `delivered` to a pod; `to-node`: a node's own stack has it; `to-world`: it leaves the cluster; `to-other-node`: to a
   * node that was not laid open.
   */
  readonly outcome: "delivered" | "dropped" | "to-node" | "to-world" | "to-other-node";
}

export interface ExplainOptions {
  /** As the datapath's option says. @defaultValue true */
  readonly masquerade?: boolean;
}

/**
 * Says what becomes of a packet, step by step, and why: the entries that decide and the facts that put them there. No
 * packet is sent and no table is changed.
 *
 * @param nodes - laid open by `agent.inspect()`, or by `agent.propose()` to explain what would be.
 * @throws {@link NetloomError} `ERR_ENDPOINT_NOT_FOUND` where no node that was given has either end, or serves it.
 */
export function explain(
  question: PacketQuestion,
  nodes: readonly Inspection[],
  options: ExplainOptions = {},
): Explanation {
  const journey = new Journey(nodes, options.masquerade ?? true);
  const start = startOf(question, nodes);
  const packet = new Packet(frameOf(question), start.ifindex);
  const outcome = journey.run(packet, start.node, start.hook);
  return { hops: journey.hops, outcome };
}

interface Start {
  readonly node: Inspection;
  readonly hook: HookName;
  readonly ifindex: number;
}

/** Where the packet meets the datapath first: a pod sends it, a node, or the world. */
function startOf(question: PacketQuestion, nodes: readonly Inspection[]): Start {
  const { source, destination } = question;
  const from = parseAddress(source);
  const to = parseAddress(destination);
  for (const node of nodes) {
    const pod = node.maps.endpoints.get({ address: from });
    if (pod !== undefined) return { node, hook: "from-container", ifindex: pod.ifindex };
  }
  for (const node of nodes) {
    const pod = node.maps.endpoints.get({ address: to });
    if (pod === undefined) continue;
    const { addresses, routers } = node.context;
    if ([...addresses, ...routers].includes(source))
      return { node, hook: "to-container", ifindex: pod.ifindex };
    return { node, hook: "from-netdev", ifindex: 0 };
  }
  const serving = nodes.find((node) => serves(node, question));
  if (serving !== undefined) return { node: serving, hook: "from-netdev", ifindex: 0 };
  throw new NetloomError(
    "ERR_ENDPOINT_NOT_FOUND",
    `neither ${source} nor ${destination} is a pod of these nodes, nor a service's frontend`,
    {
      input: { source, destination },
      remedy: `lay open the node that has one of them; given were ${nodes.map(({ node }) => node).join(", ") || "none"}`,
    },
  );
}

/** Would the fabric bring it to this node, and does it know the frontend? */
function serves({ node, maps }: Inspection, question: PacketQuestion): boolean {
  const { destination, protocol, node: wanted = node } = question;
  if (wanted !== node || protocol === "ICMP") return false;
  const address = parseAddress(destination);
  return maps.services.get({ address, port: portOf(question), protocol: IpProtocol[protocol] }) !== undefined;
}

class Journey {
  readonly hops: ExplainedHop[] = [];
  readonly #nodes: readonly Inspection[];
  readonly #masquerade: boolean;

  constructor(nodes: readonly Inspection[], masquerade: boolean) {
    this.#nodes = nodes;
    this.#masquerade = masquerade;
  }

  run(packet: Packet, node: Inspection, hook: HookName): Explanation["outcome"] {
    const verdict = this.#hop(packet, node, hook);
    switch (verdict.kind) {
      case "drop":
        return "dropped";
      case "peer":
        return "delivered";
      case "pass":
        return hook === "to-container" ? "delivered" : "to-node";
      case "next":
        return hook === "to-netdev" ? this.#leave(packet, node) : "to-node";
      case "neighbour":
        packet.ifindex = 0; // no pod's device any more
        // By an interface of its own address: nothing is attached to its way out.
        if (verdict.ifindex !== UPLINK_IFINDEX) return this.#leave(packet, node);
        return this.run(packet, node, "to-netdev");
      case "device":
        return this.#tunnel(packet, node);
    }
  }

  /** What has left its node goes to another node's own address, to a pod that is reached natively, or to the world. */
  #leave(packet: Packet, from: Inspection): Explanation["outcome"] {
    const address = parseAddress("0.0.0.0").offset(packet.view.getUint32(30));
    const destination = address.toString();
    const node = this.#nodes.find(
      (other) =>
        other.context.addresses.includes(destination) ||
        other.context.routers.includes(destination) ||
        other.maps.endpoints.get({ address }) !== undefined,
    );
    packet.mark = 0;
    packet.ifindex = 0;
    if (node !== undefined) return this.run(packet, node, "from-netdev");
    const remote = from.context.plan.native.some(
      ({ prefix, node: owner }) => owner !== undefined && parseCidr(prefix).contains(address),
    );
    return remote ? "to-other-node" : "to-world";
  }

  #tunnel(packet: Packet, from: Inspection): Explanation["outcome"] {
    const { id, remote } = packet.tunnel!;
    const address = parseAddress("0.0.0.0").offset(remote).toString();
    const node = this.#nodes.find(({ context }) => context.addresses.includes(address));
    if (node === undefined) return "to-other-node";
    const sender = parseAddress(from.context.addresses.find((each) => !each.includes(":")) ?? "0.0.0.0").w3;
    packet.tunnel = { id, remote: sender } satisfies TunnelKey;
    packet.mark = 0;
    packet.ifindex = 0;
    return this.run(packet, node, "from-overlay");
  }

  #hop(packet: Packet, node: Inspection, hook: HookName): Verdict {
    const looked = new LookedUp(node);
    const { context } = node;
    const { clock } = context.runtime;
    const runtime = {
      clock: { now: () => clock.now(), monotonic: () => node.now(), after: clock.after.bind(clock) },
      // To draw a number would change what happens next.
      random: { next: () => 0.5 },
    };
    const state = new NodeState(runtime, looked.maps, looked.fragments);
    state.config = configOf(context, this.#masquerade);
    state.tables = tablesOf(context.plan);
    looked.maps.settings.set(0, { events: EventLevel.EVENTS_ALL });
    const verdict = pass(state, packet, hook);
    const [event] = state.events.take();
    this.hops.push({
      node: node.node,
      hook,
      flow: event === undefined ? undefined : node.describe(event),
      lookUps: looked.lookUps,
      deniedBy: event === undefined ? [] : deniedBy(event, node),
    });
    return verdict;
  }
}

/** Ingress is asked last: where it was asked at all and no rule decided the drop, it is its default. */
function deniedBy(event: Event, { provenance }: Inspection): readonly Provenance[] {
  if (event.reason !== DropReason.DROP_POLICY_DENIED) return [];
  return event.ingressPolicy === 0
    ? provenance.defaultDeny(event.egressPolicy, "egress")
    : provenance.defaultDeny(event.ingressPolicy, "ingress");
}
