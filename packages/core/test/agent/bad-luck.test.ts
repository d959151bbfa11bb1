import { describe, expect, it } from "vitest";
import { isNetloomError } from "../../src/index.ts";
import { memoryDatapath, memoryStore } from "../../src/memory/index.ts";
import { rangeIpam, testNode } from "../support/cluster.ts";
import { UnluckyStore } from "../support/unlucky-store.ts";

const STATE = "netloom/default/v1/state/";
const ENDPOINTS = /state\/endpoints/;

/** Found by the simulation: what a lost answer, a failed call or an impatient caller left behind. */
describe("an agent that has bad luck with its store or its datapath", () => {
  it("makes a pod once where the answer to its fact is lost, and gives its address to nobody else", async () => {
    const store = memoryStore();
    const unlucky = new UnluckyStore(store);
    const { agent } = testNode(unlucky.store, 1);
    await agent.start();
    unlucky.deal("create", ENDPOINTS, "lost");
    const pod = await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    const { entries } = await store.list(`${STATE}endpoints/`);
    expect(entries.map(({ value }) => value)).toMatchObject([{ addresses: pod.addresses, state: "live" }]);
    expect(agent.describe().ipam.ranges[0]).toMatchObject({ allocated: 1 });
    await agent.stop();
  });

  it("knows who a pod is where the answer to its change of labels is lost", async () => {
    const unlucky = new UnluckyStore(memoryStore());
    const { agent } = testNode(unlucky.store, 1);
    await agent.start();
    await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    unlucky.deal("update", ENDPOINTS, "lost");
    const changed = await agent.endpoints.setLabels("web", ["k8s:app=db"]);
    expect(changed.labels).toEqual(["k8s:app=db"]);
    await agent.endpoints.delete("web");
    await expect.poll(() => agent.describe().ipam.ranges[0]).toMatchObject({ allocated: 0, quarantined: 0 });
    await agent.stop();
  });

  it("keeps a pod as it is where its change of labels did not happen", async () => {
    const unlucky = new UnluckyStore(memoryStore());
    const { agent } = testNode(unlucky.store, 1);
    await agent.start();
    const before = await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    unlucky.deal("update", ENDPOINTS, "unavailable");
    await expect(agent.endpoints.setLabels("web", ["k8s:app=db"])).rejects.toMatchObject({
      code: "ERR_STORE_UNAVAILABLE",
    });
    expect(agent.endpoints.get("web")).toEqual(before);
    await agent.stop();
  });

  it("brings a removal to its end, whatever fails on the way", async () => {
    const store = memoryStore();
    const unlucky = new UnluckyStore(store);
    const datapath = memoryDatapath();
    const { agent } = testNode(unlucky.store, 1, { datapath });
    await agent.start();
    await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    unlucky.deal("update", ENDPOINTS, "unavailable", 2);
    unlucky.deal("delete", ENDPOINTS, "unavailable");
    unlucky.deal("delete", /identity-references/, "lost");
    const detach = datapath.detach.bind(datapath);
    let refusals = 2;
    datapath.detach = async (name) => {
      if (refusals-- > 0) throw new Error("busy");
      await detach(name);
    };
    await agent.endpoints.delete("web");
    expect(await datapath.attachments()).toEqual([]);
    await expect.poll(() => agent.describe().ipam.ranges[0]).toMatchObject({ allocated: 0, quarantined: 0 });
    await expect
      .poll(async () => (await store.list("netloom/default/v1/identity-references/")).entries)
      .toEqual([]);
    expect((await store.list(`${STATE}endpoints/`)).entries).toEqual([]);
    await agent.stop();
  });

  it("goes on with a removal that its caller no longer waits for", async () => {
    const store = memoryStore();
    const { agent } = testNode(store, 1);
    await agent.start();
    await agent.endpoints.create({ name: "web", labels: [] });
    await expect(
      agent.endpoints.delete("web", { signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
    await expect.poll(async () => (await store.list(`${STATE}endpoints/`)).entries).toEqual([]);
    expect(agent.describe().ipam.ranges[0]).toMatchObject({ allocated: 0, quarantined: 0 });
    await agent.stop();
  });

  it("lets go of an address only when its fact is gone, so that a restart never finds two owners", async () => {
    const store = memoryStore();
    const unlucky = new UnluckyStore(store);
    const { agent } = testNode(unlucky.store, 1);
    await agent.start();
    const pod = await agent.endpoints.create({ name: "web", labels: [] });
    unlucky.deal("delete", ENDPOINTS, "unavailable", 3);
    await agent.endpoints.delete("web");
    const addresses = [...pod.addresses];
    const refused = await agent.endpoints
      .create({ name: "next", labels: [], addresses })
      .catch((error) => error);
    expect(isNetloomError(refused, "ERR_IPAM_CONFLICT")).toBe(true);
    await expect.poll(() => agent.describe().ipam.ranges[0]).toMatchObject({ quarantined: 0 });
    await agent.endpoints.create({ name: "next", labels: [], addresses });
    await agent.stop();
  });

  it("gives a pod that it found without an interface one, as soon as that can be done", async () => {
    const store = memoryStore();
    const first = testNode(store, 1);
    await first.agent.start();
    await first.agent.endpoints.create({ name: "web", labels: [] });
    await first.agent.stop();
    const datapath = memoryDatapath();
    const attach = datapath.attach.bind(datapath);
    let refusals = 2;
    datapath.attach = async (hook) => {
      if (refusals-- > 0) throw new Error("busy");
      return attach(hook);
    };
    const second = testNode(store, 1, { datapath });
    await second.agent.start();
    await expect.poll(() => second.agent.endpoints.get("web")?.state).toBe("ready");
    await second.agent.stop();
  });

  it("tells its ranges again where that failed", async () => {
    const store = memoryStore();
    const unlucky = new UnluckyStore(store);
    const ipam = rangeIpam("10.1.1.0/24");
    const { agent } = testNode(unlucky.store, 1, { ipam });
    await agent.start();
    const ranges = [...ipam.ranges(), "10.9.0.0/24"];
    unlucky.deal("update", /state\/nodes/, "unavailable", 2);
    ipam.ranges = () => ranges;
    ipam.events.emit("ranges:changed", ranges);
    await expect
      .poll(async () => (await store.get(`${STATE}nodes/node1`))?.value)
      .toMatchObject({ podCIDRs: ranges });
    await agent.stop();
  });
});
