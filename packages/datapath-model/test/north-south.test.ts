import { describe, expect, it } from "vitest";
import type { Routing, Service } from "@netloom/core";
import { explain, explanationText, readFrame, type Host } from "@netloom/datapath-model";
import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";
import { TestCluster } from "./cluster.ts";

const WORLD = "203.0.113.9";
const LB = "198.51.100.1";
const CLUSTER_IP = "10.96.0.10";

/** Two nodes and a host outside, which sends what is for {@link LB} to the first. */
async function some(routing: () => Routing = () => vxlan()): Promise<{ cluster: TestCluster; world: Host }> {
  const cluster = await TestCluster.start(2, {}, {}, { routing });
  const routes = [
    { to: "198.51.100.0/24", via: "192.0.2.1" },
    { to: "10.96.0.0/24", via: "192.0.2.1" },
    { to: "0.0.0.0/0" },
  ];
  return { cluster, world: cluster.fabric.host(WORLD, { routes }) };
}

async function balanced(cluster: TestCluster, more: Partial<Service> = {}): Promise<void> {
  const client = cluster.nodes[0]!.agent.cluster;
  const revision = await client.services.apply({
    name: "default/web",
    addresses: [CLUSTER_IP],
    loadBalancerAddresses: [LB],
    ports: [
      { port: 80, targetPort: 8080 },
      { protocol: "UDP", port: 53, targetPort: 5353 },
    ],
    backends: { selector: { matchLabels: { app: "web" } } },
    ...more,
  });
  await client.settled(revision);
}

const inspectAll = ({ nodes }: TestCluster) => nodes.map(({ agent }) => agent.inspect());

describe("clients outside, on the model", () => {
  it("reach a pod of the node that they come to, as themselves", async () => {
    const { cluster, world } = await some();
    const web = await cluster.pod("web", 1);
    cluster.host("web").listen(8080, "hello");
    await balanced(cluster);
    const seen: string[] = [];
    cluster.fabric
      .pod("default/web")
      .onReceive((frame) => seen.push(`${readFrame(frame)!.source} ${readFrame(frame)!.destination}`));
    expect(await world.connect(`${LB}:80`)).toMatchObject({ outcome: "connected", reply: "hello" });
    expect(new Set(seen)).toEqual(new Set([`${WORLD} ${web}`]));
    // Nobody listens: the pod's own answers, under the frontend's address.
    expect((await world.connect(`${LB}:81`)).outcome).toBe("no answer");
    await cluster[Symbol.asyncDispose]();
  });

  it.each([
    ["through a tunnel", vxlan, "10.244.1.1"],
    ["natively", native, "192.0.2.1"],
  ] as const)("reach a pod of another node %s, as the node that they come to", async (_, routing, as) => {
    const { cluster, world } = await some(() => routing());
    await cluster.pod("web", 2);
    cluster.host("web").listen(8080, "hello");
    const asked: string[] = [];
    cluster.host("web").answer(5353, (_, from) => {
      asked.push(from.split(":")[0]!);
      return "heard";
    });
    await balanced(cluster);
    expect(await world.connect(`${LB}:80`)).toMatchObject({ outcome: "connected", reply: "hello" });
    expect(await world.ask(`${LB}:53`)).toMatchObject({ reply: "heard" });
    expect(asked).toEqual([as]);
    await cluster[Symbol.asyncDispose]();
  });

  it("reach only the node's own pods where traffic is to stay local", async () => {
    const { cluster, world } = await some();
    await cluster.pod("web", 2);
    cluster.host("web").listen(8080, "far");
    await balanced(cluster, { externalTrafficPolicy: "local" });
    expect((await world.connect(`${LB}:80`)).outcome).toBe("no answer");
    const { agent } = cluster.nodes[0]!;
    const { revision } = await agent.endpoints.create({ name: "default/near", labels: ["k8s:app=web"] });
    await agent.cluster.settled(revision);
    cluster.host("near").listen(8080, "near");
    for (let round = 0; round < 8; round++) expect((await world.connect(`${LB}:80`)).reply).toBe("near");
    await cluster[Symbol.asyncDispose]();
  });

  it("reach no cluster IP, and nothing that policy denies them", async () => {
    const { cluster, world } = await some();
    await cluster.pod("web", 1);
    cluster.host("web").listen(8080, "hello");
    await balanced(cluster);
    expect((await world.connect(`${CLUSTER_IP}:80`)).outcome).toBe("no answer");
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 8080 }]);
    expect((await world.connect(`${LB}:80`)).outcome).toBe("no answer");
    const reasons = cluster.nodes[0]!.datapath.metrics().map(({ name }) => name);
    expect(reasons).toEqual(expect.arrayContaining(["drop:is-cluster-ip", "drop:policy-denied"]));
    await cluster[Symbol.asyncDispose]();
  });

  it("are explained", async () => {
    const { cluster } = await some();
    const web = await cluster.pod("web", 2);
    await balanced(cluster);
    const question = { source: WORLD, destination: LB, protocol: "TCP" } as const;
    const { hops, outcome } = explain(question, inspectAll(cluster));
    expect([outcome, ...hops.map(({ node, hook }) => `${node} ${hook}`)]).toEqual([
      "delivered",
      "node1 from-netdev",
      "node2 from-overlay",
    ]);
    expect(hops[0]!.flow).toMatchObject({
      service: "default/web",
      translated: { source: expect.stringMatching(/^10\.244\.1\.1:/), destination: `${web}:8080` },
    });
    expect(hops[0]!.lookUps.find(({ table }) => table === "services")).toMatchObject({
      because: [{ kind: "services", name: "default/web" }],
    });
    const there = explain({ ...question, node: "node2" }, inspectAll(cluster));
    expect(there.hops.map(({ node, hook }) => `${node} ${hook}`)).toEqual(["node2 from-netdev"]);
    await balanced(cluster, { externalTrafficPolicy: "local" });
    const refused = explain(question, inspectAll(cluster));
    expect(refused.hops.at(-1)?.flow).toMatchObject({ reason: "no-backend", service: "default/web" });
    expect(explanationText(refused)).toContain("from outside to this node's own");
    const inside = explain({ ...question, destination: CLUSTER_IP }, inspectAll(cluster));
    expect(inside.hops.at(-1)?.flow?.reason).toBe("is-cluster-ip");
    expect(explanationText(inside)).toContain("for pods only");
    await cluster[Symbol.asyncDispose]();
  });
});
