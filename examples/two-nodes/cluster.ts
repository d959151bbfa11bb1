import {
  createAgent,
  createOperator,
  type Agent,
  type Datapath,
  type Endpoint,
  type Operator,
  type Routing,
} from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";

/** A node of the demo. */
export interface DemoNode {
  readonly name: string;
  readonly address: string;
  readonly agent: Agent;
}

/** A pod of the demo. */
export interface DemoPod {
  readonly name: string;
  readonly app: string;
  readonly node: DemoNode;
  readonly endpoint: Endpoint;
}

export interface DemoCluster {
  readonly nodes: readonly DemoNode[];
  readonly operator: Operator;
}

/** What the world around an agent is made of. */
export interface Surroundings {
  readonly datapath: (node: string) => Datapath;
  readonly fabric: DemoFabric;
  readonly onError: (who: string, error: unknown) => void;
}

/** How nodes are reached, each by its index. */
export interface DemoFabric {
  readonly address: (index: number) => string;
  readonly routing: (index: number) => Routing;
}

/** An operator, and an agent for each node, in this process: they share nothing but the store. */
export async function startCluster(
  count: number,
  { datapath, fabric, onError }: Surroundings,
): Promise<DemoCluster> {
  const store = memoryStore();
  const operator = createOperator({
    store,
    components: [clusterPoolOperator({ pools: [{ name: "default", cidrs: ["10.244.0.0/16"] }] })],
  });
  operator.events.on("error", (error) => onError("operator", error));
  await operator.start();
  const nodes = Array.from({ length: count }, (_, index): DemoNode => {
    const name = `node${index + 1}`;
    const address = fabric.address(index);
    const agent = createAgent({
      node: { name, addresses: [address] },
      store,
      ipam: clusterPool(),
      routing: fabric.routing(index),
      datapath: datapath(name),
    });
    agent.events.on("error", (error) => onError(name, error));
    return { name, address, agent };
  });
  // One after another, so that the ranges are in the order of the nodes.
  for (const { agent } of nodes) await agent.start();
  return { nodes, operator };
}

/** Which pods there are and where: a client and an intruder on the first node, web servers on all others in turn. */
export function podPlan(
  pods: number,
  nodes: readonly DemoNode[],
): { name: string; app: string; node: DemoNode }[] {
  const [first] = nodes;
  const servers = Array.from({ length: pods - 2 }, (_, index) => ({
    name: `web-${index + 1}`,
    app: "web",
    node: nodes[(index + 1) % nodes.length]!,
  }));
  return [
    { name: "client", app: "client", node: first! },
    { name: "intruder", app: "intruder", node: first! },
    ...servers,
  ];
}
