import { createAgent, createOperator, type Ipam } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { clusterPoolOperator } from "@netloom/ipam-cluster-pool";
import { native } from "@netloom/routing-native";

export interface Outcome {
  readonly podCIDRs: readonly string[];
  readonly addresses: readonly string[];
}

/** Starts an agent on whichever IPAM, makes so many pods at once, and deletes them. */
export async function runPods(ipam: Ipam, count: number): Promise<Outcome> {
  const store = memoryStore();
  // A cluster pool needs somebody who hands out blocks; a cloud does so itself.
  const components = [clusterPoolOperator({ pools: [{ name: "default", cidrs: ["10.244.0.0/16"] }] })];
  await using operator = createOperator({ store, components });
  await operator.start();
  await using agent = createAgent({
    node: { name: "node1", addresses: ["192.0.2.1"] },
    store,
    families: [4],
    ipam,
    routing: native(),
    datapath: memoryDatapath(),
  });
  await agent.start();
  const names = Array.from({ length: count }, (_, index) => `default/web-${index + 1}`);
  const pods = await Promise.all(names.map((name) => agent.endpoints.create({ name, labels: ["app=web"] })));
  const addresses = pods.flatMap((pod) => pod.addresses);
  const { podCIDRs } = agent.describe().node;
  await Promise.all(names.map((name) => agent.endpoints.delete(name)));
  return { podCIDRs, addresses };
}
