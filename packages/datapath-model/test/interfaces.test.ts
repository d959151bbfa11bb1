import { createAgent, type Agent, type Ipam, type NodeInterface } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { explain, explanationText, modelDatapath, modelFabric, readFrame } from "@netloom/datapath-model";
import { hostScope } from "@netloom/ipam-host-scope";
import { native } from "@netloom/routing-native";
import { describe, expect, it } from "vitest";

const NODE = "10.0.0.10";
const GATEWAY = "10.0.1.1";
const PEER = "10.0.9.9";
const WORLD = "203.0.113.9";
const [ON_UPLINK, ON_INTERFACE] = ["10.0.0.21", "10.0.1.69"];

const one: NodeInterface = {
  mac: "02:00:5e:00:53:01",
  address: "10.0.1.50",
  gateway: GATEWAY,
  ranges: ["10.0.1.64/28"],
};

/**
 * A node with a pod on its uplink and one on an interface of its own, and a router that is that interface's gateway: what
 * comes by it has left by the interface.
 */
async function started(masquerade = true) {
  const fabric = modelFabric();
  const datapath = modelDatapath({ fabric, events: "all", masquerade });
  const ipam: Ipam = Object.assign(hostScope(), { interfaces: () => [one] });
  const agent: Agent = createAgent({
    node: { name: "node", addresses: [NODE], podCIDRs: ["10.0.0.16/28", "10.0.1.64/28"] },
    ...{ store: memoryStore(), ipam, datapath },
    routing: native({ directRoutes: false, nativeCidr: "10.0.0.0/16" }),
  });
  await agent.start();
  for (const [name, address] of [
    ["uplink", ON_UPLINK],
    ["interface", ON_INTERFACE],
  ] as const) {
    const { revision } = await agent.endpoints.create({
      name: `default/${name}`,
      labels: [],
      addresses: [address],
    });
    await agent.settled(revision);
  }
  const router = fabric.router({ addresses: [GATEWAY] });
  // Towards pods by the address of whichever interface has them.
  const routes = [
    { to: "0.0.0.0/0" },
    { to: "10.0.0.16/28", via: NODE },
    { to: "10.0.1.64/28", via: one.address },
  ];
  const hosts = { peer: fabric.host(PEER, { routes }), world: fabric.host(WORLD, { routes }) };
  const pod = (name: string) => fabric.pod(`default/${name}`).host;
  return { fabric, datapath, agent, router, pod, ...hosts, [Symbol.asyncDispose]: () => agent.stop() };
}

describe("a pod whose address belongs to an interface, on the model", () => {
  it("leaves by that interface's gateway under its own address, and is reached by the interface", async () => {
    await using model = await started();
    expect(await model.pod("uplink").ping(PEER)).toBe(true);
    expect(model.router.forwarded).toBe(0);
    const seen: string[] = [];
    model.fabric.capture((frame) => seen.push(readFrame(frame)!.source));
    expect(await model.pod("interface").ping(PEER)).toBe(true);
    expect(model.router.forwarded).toBe(1);
    expect(new Set(seen)).toEqual(new Set([ON_INTERFACE, PEER]));
    expect(await model.peer.ping(ON_INTERFACE)).toBe(true);
    expect(model.router.forwarded).toBe(2);
  });

  it("is masqueraded towards the world by the uplink, and answers it by the interface", async () => {
    await using model = await started();
    model.world.answer(53, (_, from) => from.split(":")[0]);
    expect((await model.pod("interface").ask(`${WORLD}:53`)).reply).toBe(NODE);
    expect(model.router.forwarded).toBe(0);
    expect(await model.world.ping(ON_INTERFACE)).toBe(true);
    expect(model.router.forwarded).toBe(1);
  });

  it("leaves by the interface wherever it goes where nothing is masqueraded", async () => {
    await using model = await started(false);
    model.world.answer(53, (_, from) => from.split(":")[0]);
    expect((await model.pod("interface").ask(`${WORLD}:53`)).reply).toBe(ON_INTERFACE);
    expect(model.router.forwarded).toBe(1);
  });

  it("reaches the pods of its node, and the node, without the network", async () => {
    await using model = await started();
    const sent = model.fabric.counts.sent;
    expect(await model.pod("interface").ping(ON_UPLINK)).toBe(true);
    expect(await model.pod("uplink").ping(ON_INTERFACE)).toBe(true);
    expect(await model.pod("interface").ping(NODE)).toBe(true);
    expect(await model.datapath.host.ping(ON_INTERFACE)).toBe(true);
    expect(model.fabric.counts.sent).toBe(sent);
  });

  it("leaves the node the interface's own address", async () => {
    await using model = await started();
    expect(await model.peer.ping(one.address)).toBe(true);
    expect(model.router.forwarded).toBe(1);
  });

  it("has its way explained", async () => {
    await using model = await started();
    const question = { source: ON_INTERFACE, destination: PEER, protocol: "TCP", port: 80 } as const;
    const explanation = explain(question, [model.agent.inspect()]);
    expect(explanation).toMatchObject({ outcome: "to-world", hops: [{ hook: "from-container" }] });
    expect(explanation.hops).toHaveLength(1);
    expect(explanationText(explanation)).toContain(`by the interface ${one.address}`);
  });
});
