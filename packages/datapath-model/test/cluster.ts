import { createAgent, type Agent, type Routing, type Runtime, type Store } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import {
  modelDatapath,
  modelFabric,
  type Host,
  type ModelDatapath,
  type ModelDatapathOptions,
  type ModelFabric,
  type ModelFabricOptions,
} from "@netloom/datapath-model";
import { hostScope } from "@netloom/ipam-host-scope";
import { vxlan } from "@netloom/routing-vxlan";

export interface TestNode {
  readonly agent: Agent;
  readonly datapath: ModelDatapath;
}

/** What a cluster is like that is not as most: nodes by their numbers. */
export interface TestShape {
  readonly routing?: () => Routing;
  readonly address?: (number: number) => string;
}

/** A cluster in this process, with verbs for what tests do. */
export class TestCluster implements AsyncDisposable {
  readonly fabric: ModelFabric;
  readonly nodes: readonly TestNode[];
  readonly #store: Store = memoryStore();

  private constructor(
    count: number,
    fabric: ModelFabricOptions,
    datapath: (number: number) => ModelDatapathOptions,
    { routing = () => vxlan(), address = (number) => `192.0.2.${number}` }: TestShape,
  ) {
    this.fabric = modelFabric({ runtime: seeded(fabric.runtime), ...fabric });
    this.nodes = Array.from({ length: count }, (_, index): TestNode => {
      const number = index + 1;
      const model = modelDatapath({ fabric: this.fabric, events: "all", ...datapath(number) });
      const agent = createAgent({
        node: {
          name: `node${number}`,
          addresses: [address(number)],
          podCIDRs: [`10.244.${number}.0/24`],
        },
        store: this.#store,
        ipam: hostScope(),
        routing: routing(),
        datapath: model,
      });
      return { agent, datapath: model };
    });
  }

  static async start(
    count: number,
    fabric: ModelFabricOptions = {},
    datapath: ModelDatapathOptions | ((number: number) => ModelDatapathOptions) = {},
    shape: TestShape = {},
  ): Promise<TestCluster> {
    const of = typeof datapath === "function" ? datapath : () => datapath;
    const cluster = new TestCluster(count, fabric, of, shape);
    for (const { agent } of cluster.nodes) await agent.start();
    return cluster;
  }

  /** A pod `default/<app>` on a node, by the node's number. @returns its address. */
  async pod(app: string, node: number): Promise<string> {
    const { agent } = this.nodes[node - 1]!;
    const labels = [`k8s:app=${app}`];
    const { addresses, revision } = await agent.endpoints.create({ name: `default/${app}`, labels });
    await agent.cluster.settled(revision);
    return addresses[0]!;
  }

  host(app: string): Host {
    return this.fabric.pod(`default/${app}`).host;
  }

  /** Allows what the rules say to reach an app, and nothing else. */
  async protect(
    app: string,
    from: string,
    ports: readonly { protocol: "TCP" | "UDP"; port: number }[],
  ): Promise<void> {
    const { cluster } = this.nodes[0]!.agent;
    const revision = await cluster.policies.apply({
      name: `default/${app}`,
      subject: { matchLabels: { app } },
      ingress: [{ peers: [{ selector: { matchLabels: { app: from } } }], ports }],
    });
    await cluster.settled(revision);
  }

  async service(
    address: string,
    port: number,
    app: string,
    targetPort: number,
    protocol: "TCP" | "UDP" = "TCP",
  ): Promise<void> {
    const { cluster } = this.nodes[0]!.agent;
    const revision = await cluster.services.apply({
      name: `default/${app}`,
      addresses: [address],
      ports: [{ protocol, port, targetPort }],
      backends: { selector: { matchLabels: { app } } },
    });
    await cluster.settled(revision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { agent } of this.nodes) await agent.stop();
  }
}

function seeded(given: Runtime | undefined): Runtime {
  if (given !== undefined) return given;
  const milliseconds = { now: 0 };
  return {
    clock: {
      now: () => milliseconds.now,
      monotonic: () => milliseconds.now,
      after: (delay, callback) => {
        const timer = setTimeout(callback, Math.min(delay, 1));
        return { cancel: () => clearTimeout(timer) };
      },
    },
    random: seededRandom(1),
  };
}
