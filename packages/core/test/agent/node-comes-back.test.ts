import { describe, expect, it } from "vitest";
import { createOperator } from "../../src/index.ts";
import { memoryStore } from "../../src/memory/index.ts";
import { rangeIpam, testNode } from "../support/cluster.ts";

const ENDPOINTS = "netloom/default/v1/state/endpoints/";

/** Found by the simulation: a node that leaves and comes back under its name, with its former range. */
describe("a node that was declared gone", () => {
  it("gives its former addresses to nobody before every other node has forgotten them", async () => {
    const store = memoryStore();
    const one = testNode(store, 1);
    const two = testNode(store, 2);
    await one.agent.start();
    await two.agent.start();
    const pod = await two.agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    await one.agent.cluster.settled(pod.revision);
    await two.agent.stop();
    // Node 1 hears of nothing from here on, and still sends to the pod.
    await one.agent.stop();
    await one.agent.cluster.nodes.remove("node2");
    const again = testNode(store, 2);
    await again.agent.start();
    const [address] = pod.addresses;
    await expect(
      again.agent.endpoints.create({ name: "next", labels: [], addresses: [address!] }),
    ).rejects.toMatchObject({ code: "ERR_IPAM_CONFLICT" });
    const datapath = one.datapath;
    const back = testNode(store, 1, { datapath, ipam: rangeIpam("10.1.1.0/24") });
    await back.agent.start();
    await expect.poll(async () => (await store.list(`${ENDPOINTS}node2/`)).entries).toEqual([]);
    const next = await again.agent.endpoints.create({ name: "next", labels: [], addresses: [address!] });
    expect(next.addresses).toEqual([address]);
    await back.agent.stop();
    await again.agent.stop();
  });

  it("is forgotten by an operator where it never comes back", async () => {
    const store = memoryStore();
    const one = testNode(store, 1);
    const two = testNode(store, 2);
    await one.agent.start();
    await two.agent.start();
    await two.agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    await two.agent.stop();
    const operator = createOperator({ store });
    await operator.start();
    await one.agent.cluster.nodes.remove("node2");
    await expect.poll(async () => (await store.list(ENDPOINTS)).entries).toEqual([]);
    await operator.stop();
    await one.agent.stop();
  });
});

/** A machine that was made anew under its name: a cloud gives it other addresses. */
describe("a node whose machine is another one", () => {
  it("starts without the pods that died with the one before, and says so", async () => {
    const store = memoryStore();
    const before = testNode(store, 1);
    await before.agent.start();
    await before.agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    await before.agent.stop();
    const after = testNode(store, 1, { ipam: rangeIpam("10.9.0.0/24") });
    const errors: unknown[] = [];
    after.agent.events.on("error", (error) => errors.push(error));
    await after.agent.start();
    expect(after.agent.endpoints.list()).toEqual([]);
    expect(errors).toMatchObject([
      { code: "ERR_IPAM_FOREIGN", message: expect.stringContaining("web") as string },
    ]);
    await expect.poll(async () => (await store.list(ENDPOINTS)).entries).toEqual([]);
    const again = await after.agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    expect(again.addresses[0]).toMatch(/^10\.9\.0\./);
    await after.agent.stop();
  });

  it("keeps a pod that has an interface, and does not start: its address would be somebody else's", async () => {
    const store = memoryStore();
    const before = testNode(store, 1);
    await before.agent.start();
    await before.agent.endpoints.create({ name: "web", labels: [] });
    await before.agent.stop();
    const { datapath } = before;
    const after = testNode(store, 1, { ipam: rangeIpam("10.9.0.0/24"), datapath });
    await expect(after.agent.start()).rejects.toThrow("10.9.0.0");
  });
});
