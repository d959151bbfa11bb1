import {
  createAgent,
  createClusterClient,
  isNetloomError,
  type Agent,
  type Cluster,
  type Endpoint,
  type Flow,
  type Routing,
  type Store,
} from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf, type EbpfOptions } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { Lab, makeFabric, makeSegment, type Segment } from "@netloom/lab";
import { Rtnl, writeSysctl } from "@netloom/netlink";
import { vxlan } from "@netloom/routing-vxlan";

export interface LiveNode {
  readonly name: string;
  /** From 1 on. */
  readonly number: number;
  readonly address: string;
  /** Its uplink. */
  readonly device: string;
  readonly podCIDR: string;
  agent: Agent;
  /** What went wrong in the agent's loops. */
  readonly errors: unknown[];
}

export interface LivePod {
  readonly name: string;
  readonly address: string;
  readonly node: LiveNode;
  readonly endpoint: Endpoint;
}

/** An address outside the cluster, on the same fabric. */
export const WORLD = "192.168.50.200";

/** What a cluster is like that is not as most: all nodes on one switch, and VXLAN between them. */
export interface LiveShape {
  readonly routing?: (number: number, lab: Lab) => Routing;
  /** Nodes, by their numbers, on a switch of their own behind the router {@link ROUTER}. */
  readonly distant?: readonly number[];
  /** Every node, and the world, on a link of its own to the router; only the world has a route to it. */
  readonly routed?: boolean;
}

/** The namespace of the router between switches, or links. */
export const ROUTER = "router";

/**
 * A cluster on real namespaces: agents of this process, pods as namespaces, and a host `world` that is none of the
 * cluster's.
 */
export class LiveCluster implements AsyncDisposable {
  readonly lab: Lab;
  readonly nodes: readonly LiveNode[];
  readonly cluster: Cluster;
  /** All that the datapaths told of, as it came. */
  readonly flows: Flow[] = [];
  readonly store: Store = memoryStore();
  /** Where each is on a link of its own: the link, by who is on it. */
  readonly links: ReadonlyMap<string, Segment>;
  readonly #options: EbpfOptions;
  readonly #routing: (number: number, lab: Lab) => Routing;

  private constructor(lab: Lab, count: number, options: EbpfOptions, shape: LiveShape) {
    this.lab = lab;
    this.#options = options;
    this.#routing = shape.routing ?? (() => vxlan());
    this.cluster = createClusterClient({ store: this.store });
    this.nodes = Array.from({ length: count }, (_, index) => {
      const number = index + 1;
      const distant = shape.distant?.includes(number) === true;
      const near = shape.routed === true ? `192.168.${60 + number}.1` : `192.168.50.${number}`;
      const node = {
        name: `node${number}`,
        number,
        address: distant ? `192.168.60.${number}` : near,
        device: distant ? "eth1" : "eth0",
        podCIDR: `10.244.${number}.0/24`,
        errors: [],
      };
      return { ...node, agent: this.#agent(node) };
    });
    this.links = shape.routed === true ? linksOf(this) : new Map();
  }

  /**
   * @param options - of every node's datapath.
   * @param elsewhere - nodes whose agents run in another process: not started here.
   */
  static async start(
    purpose: string,
    count = 2,
    options: EbpfOptions = {},
    elsewhere: readonly string[] = [],
    shape: LiveShape = {},
  ): Promise<LiveCluster> {
    const lab = new Lab(purpose);
    try {
      const live = new LiveCluster(lab, count, options, shape);
      if (shape.routed === true) {
        // They are there already.
      } else if (shape.distant === undefined) {
        const hosts = live.nodes.map(({ name, address }) => ({ name, address: `${address}/24` }));
        makeFabric(lab, [...hosts, { name: "world", address: `${WORLD}/24` }]);
      } else twoSegments(live);
      for (const node of live.nodes.filter(({ name }) => !elsewhere.includes(name))) {
        await node.agent.start();
        lab.defer(() => node.agent.uninstall());
        live.#listen(node);
      }
      if (shape.routed === true) return live;
      using world = Rtnl.open({ netns: lab.namespace("world") });
      for (const { podCIDR, address, device } of live.nodes) {
        world.routes.add({ to: podCIDR, via: device === "eth0" ? address : GATEWAYS.eth0 });
      }
      return live;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A pod in a namespace of its own, called like it; `app` is its only label but for its namespace. */
  async pod(name: string, node: LiveNode, app: string): Promise<LivePod> {
    const endpoint = await node.agent.endpoints.create({
      name: `default/${name}`,
      labels: [`k8s:app=${app}`, "k8s:io.kubernetes.pod.namespace=default"],
      netns: this.lab.namespace(name).name,
    });
    await this.cluster.settled(endpoint.revision);
    return { name, node, endpoint, address: endpoint.addresses[0]! };
  }

  /** Another agent for the node, as after a restart of the process. Not started. */
  replaceAgent(node: LiveNode): Agent {
    node.agent = this.#agent(node);
    return node.agent;
  }

  /** Listens to a node's flows again. */
  follow(node: LiveNode): void {
    this.#listen(node);
  }

  /** Resolves with the first flow that fits, of those that came and those to come. */
  async flow(fits: (flow: Flow) => boolean): Promise<Flow> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const found = this.flows.find(fits);
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`no such flow came: ${fits.toString()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }

  #agent({ name, number, address, device, podCIDR, errors }: Omit<LiveNode, "agent">): Agent {
    const agent = createAgent({
      node: { name, addresses: [address], podCIDRs: [podCIDR] },
      store: this.store,
      ipam: hostScope(),
      routing: this.#routing(number, this.lab),
      datapath: ebpf({
        netns: this.lab.namespace(name).name,
        uplink: device,
        bpffs: this.lab.bpffs,
        maxEntries: { conntrack: 16_384, nat: 16_384 },
        ...this.#options,
      }),
    });
    agent.events.on("error", (error) => errors.push(error));
    return agent;
  }

  #listen(node: LiveNode): void {
    const read = async (): Promise<void> => {
      for await (const batch of node.agent.flows()) this.flows.push(...batch);
    };
    read().catch((error: unknown) => {
      if (!isNetloomError(error, "ERR_CLOSED")) node.errors.push(error);
    });
  }
}

/** The router's addresses, by its devices. */
const GATEWAYS = { eth0: "192.168.50.254", eth1: "192.168.60.254" } as const;

/** A switch for those near and one for the distant, and a router that both have as their gateway. */
function twoSegments({ lab, nodes }: LiveCluster): void {
  for (const device of ["eth0", "eth1"] as const) {
    const hosts = nodes
      .filter((node) => node.device === device)
      .map(({ name, address }) => ({ name, addresses: [`${address}/24`] }));
    if (device === "eth0") hosts.push({ name: "world", addresses: [`${WORLD}/24`] });
    const router = { name: ROUTER, addresses: [`${GATEWAYS[device]}/24`] };
    makeSegment(lab, [...hosts, router], { name: `segment-${device}`, device });
    for (const { name } of hosts) {
      using rtnl = Rtnl.open({ netns: lab.namespace(name) });
      rtnl.routes.add({ to: "0.0.0.0/0", via: GATEWAYS[device] });
    }
  }
  writeSysctl(lab.namespace(ROUTER), "net.ipv4.ip_forward", 1);
}

/** The router's address on the link to a node. */
export function gatewayOf(number: number): string {
  return `192.168.${60 + number}.254`;
}

/** A link from the router to each node, and one to the world, which has it as its gateway. */
function linksOf({ lab, nodes }: LiveCluster): ReadonlyMap<string, Segment> {
  const link = (name: string, address: string, gateway: string): Segment => {
    const router = { name: ROUTER, addresses: [`${gateway}/24`], device: `to-${name}` };
    return makeSegment(lab, [{ name, addresses: [`${address}/24`] }, router], { name: `link-${name}` });
  };
  const links = new Map(
    nodes.map(({ name, number, address }) => [name, link(name, address, gatewayOf(number))]),
  );
  links.set("world", link("world", WORLD, GATEWAYS.eth0));
  using world = Rtnl.open({ netns: lab.namespace("world") });
  world.routes.add({ to: "0.0.0.0/0", via: GATEWAYS.eth0 });
  writeSysctl(lab.namespace(ROUTER), "net.ipv4.ip_forward", 1);
  return links;
}
