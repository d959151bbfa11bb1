import {
  createAgent,
  createClusterClient,
  isNetloomError,
  type Agent,
  type Cluster,
  type Endpoint,
  type Flow,
  type Store,
} from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf, type EbpfOptions } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { Lab, makeFabric } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { vxlan } from "@netloom/routing-vxlan";

export interface LiveNode {
  readonly name: string;
  readonly address: string;
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
  readonly #options: EbpfOptions;

  private constructor(lab: Lab, count: number, options: EbpfOptions) {
    this.lab = lab;
    this.#options = options;
    this.cluster = createClusterClient({ store: this.store });
    this.nodes = Array.from({ length: count }, (_, index) => {
      const name = `node${index + 1}`;
      const node = {
        name,
        address: `192.168.50.${index + 1}`,
        podCIDR: `10.244.${index + 1}.0/24`,
        errors: [],
      };
      return { ...node, agent: this.#agent(node) };
    });
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
  ): Promise<LiveCluster> {
    const lab = new Lab(purpose);
    try {
      const hosts = Array.from({ length: count }, (_, index) => ({
        name: `node${index + 1}`,
        address: `192.168.50.${index + 1}/24`,
      }));
      makeFabric(lab, [...hosts, { name: "world", address: `${WORLD}/24` }]);
      const live = new LiveCluster(lab, count, options);
      for (const node of live.nodes.filter(({ name }) => !elsewhere.includes(name))) {
        await node.agent.start();
        lab.defer(() => node.agent.uninstall());
        live.#listen(node);
      }
      using world = Rtnl.open({ netns: lab.namespace("world") });
      for (const { podCIDR, address } of live.nodes) world.routes.add({ to: podCIDR, via: address });
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

  #agent({ name, address, podCIDR, errors }: Omit<LiveNode, "agent">): Agent {
    const agent = createAgent({
      node: { name, addresses: [address], podCIDRs: [podCIDR] },
      store: this.store,
      ipam: hostScope(),
      routing: vxlan(),
      datapath: ebpf({
        netns: this.lab.namespace(name).name,
        uplink: "eth0",
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
