import { describe, expect, it } from "vitest";
import {
  createOperator,
  isNetloomError,
  parseAddress,
  type NetworkPolicy,
  type VerdictQuestion,
} from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { rangeIpam, testNode, type TestNode } from "../support/cluster.ts";

const allowWeb: NetworkPolicy = {
  name: "default/web",
  subject: { matchLabels: { app: "web" } },
  ingress: [
    { peers: [{ selector: { matchLabels: { app: "client" } } }], ports: [{ protocol: "TCP", port: 80 }] },
  ],
};

/** Two nodes, a client on the first and a server on the second. */
async function twoNodes(
  store = memoryStore(),
): Promise<{ one: TestNode; two: TestNode; client: string; server: string }> {
  const one = testNode(store, 1);
  const two = testNode(store, 2);
  await one.agent.start();
  await two.agent.start();
  const client = await one.agent.endpoints.create({ name: "default/client", labels: ["k8s:app=client"] });
  const server = await two.agent.endpoints.create({ name: "default/web", labels: ["k8s:app=web"] });
  await one.agent.cluster.settled(server.revision);
  return { one, two, client: client.addresses[0]!, server: server.addresses[0]! };
}

function ask(
  node: TestNode,
  question: Partial<VerdictQuestion> & { source: string; destination: string },
): boolean {
  return node.agent.verdict({ protocol: "TCP", port: 80, ...question }).allowed;
}

describe("an agent on in-memory backends", () => {
  it("gives pods addresses and identities, and tells every node of them", async () => {
    const { one, two, client, server } = await twoNodes();
    expect(client).toMatch(/^10\.1\.1\./);
    expect(server).toMatch(/^10\.1\.2\./);
    const there = one.datapath.maps.ipcache.get({ address: parseAddress(server) });
    const here = two.datapath.maps.endpoints.get({ address: parseAddress(server) });
    expect(there?.identity).toBe(here?.identity);
    expect(there?.tunnel.toString()).toBe("192.0.2.2");
    await one.agent.stop();
    await two.agent.stop();
  });

  it("allows everything until a policy selects a pod, and then only what it says", async () => {
    const { one, two, client, server } = await twoNodes();
    expect(ask(two, { source: client, destination: server })).toBe(true);
    const revision = await one.agent.cluster.policies.apply(allowWeb);
    await one.agent.cluster.settled(revision);
    expect(ask(two, { source: client, destination: server })).toBe(true);
    expect(ask(two, { source: client, destination: server, port: 81 })).toBe(false);
    expect(ask(two, { source: "203.0.113.1", destination: server })).toBe(false);
    const verdict = two.agent.verdict({
      source: "203.0.113.1",
      destination: server,
      protocol: "TCP",
      port: 80,
    });
    expect(verdict.ingress).toMatchObject({ allowed: false, rule: undefined, enforcedBy: ["default/web"] });
    const removed = await one.agent.cluster.policies.remove("default/web");
    await one.agent.cluster.settled(removed!);
    expect(ask(two, { source: client, destination: server, port: 81 })).toBe(true);
    await one.agent.stop();
    await two.agent.stop();
  });

  it("changes what a pod may reach with its labels, on every node", async () => {
    const { one, two, client, server } = await twoNodes();
    await one.agent.cluster.settled(await one.agent.cluster.policies.apply(allowWeb));
    const before = one.agent.endpoints.get("default/client")!.identity;
    const after = await one.agent.endpoints.setLabels("default/client", ["k8s:app=stranger"]);
    expect(after.identity).not.toBe(before);
    await one.agent.cluster.settled(after.revision);
    expect(ask(two, { source: client, destination: server })).toBe(false);
    const back = await one.agent.endpoints.setLabels("default/client", ["k8s:app=client"]);
    await one.agent.cluster.settled(back.revision);
    expect(ask(two, { source: client, destination: server })).toBe(true);
    await one.agent.stop();
    await two.agent.stop();
  });

  it("never has a moment in which a relabelled pod bears neither identity", async () => {
    const { one, two, client } = await twoNodes();
    const key = { address: parseAddress(client) };
    const seen = new Set<number | undefined>();
    const strangers: number[] = [];
    const set = two.datapath.maps.ipcache.setMany.bind(two.datapath.maps.ipcache);
    two.datapath.maps.ipcache.setMany = (entries) => {
      set(entries);
      const identity = two.datapath.maps.ipcache.get(key)?.identity;
      seen.add(identity);
      if (identity === undefined) return;
      const known = { policy: 0, identity, direction: 0, protocol: 0, portBits: 0, port: 0 };
      if (two.datapath.maps.policy.get(known) === undefined) strangers.push(identity);
    };
    const after = await one.agent.endpoints.setLabels("default/client", ["k8s:app=other"]);
    await one.agent.cluster.settled(after.revision);
    expect([...seen]).not.toContain(undefined);
    expect(strangers, "whoever is named is known").toEqual([]);
    expect(two.datapath.maps.ipcache.get(key)?.identity).toBe(after.identity);
    await one.agent.stop();
    await two.agent.stop();
  });

  it("frees an address only when every node has forgotten it", async () => {
    const { one, two, client } = await twoNodes();
    await two.agent.stop();
    await one.agent.endpoints.delete("default/client");
    const [range] = one.agent.describe().ipam.ranges;
    expect(range).toMatchObject({ allocated: 0, quarantined: 1 });
    await expect(
      one.agent.endpoints.create({ name: "default/next", labels: [], addresses: [client] }),
    ).rejects.toMatchObject({ code: "ERR_IPAM_CONFLICT" });
    // Node 2 will never acknowledge: it is declared gone.
    await one.agent.cluster.nodes.remove("node2");
    await expect
      .poll(() => one.agent.describe().ipam.ranges[0])
      .toMatchObject({ allocated: 0, quarantined: 0 });
    await one.agent.stop();
  });

  it("lets a pod come back under its name before the one before it is forgotten", async () => {
    const { one, two, client } = await twoNodes();
    await two.agent.stop();
    await one.agent.endpoints.delete("default/client");
    const again = await one.agent.endpoints.create({ name: "default/client", labels: ["k8s:app=client"] });
    expect(again.addresses[0]).not.toBe(client);
    await one.agent.stop();
  });

  it("takes up its endpoints, addresses and identities after a restart", async () => {
    const store = memoryStore();
    const datapath = memoryDatapath();
    const first = testNode(store, 1, { datapath });
    await first.agent.start();
    const before = await first.agent.endpoints.create({ name: "default/web", labels: ["k8s:app=web"] });
    await first.agent.cluster.settled(await first.agent.cluster.policies.apply(allowWeb));
    await first.agent.stop();
    const maps = snapshot(datapath);
    const second = testNode(store, 1, { datapath, ipam: rangeIpam("10.1.1.0/24") });
    await second.agent.start();
    const after = second.agent.endpoints.get("default/web")!;
    expect(after).toMatchObject({ addresses: before.addresses, identity: before.identity, id: before.id });
    expect(after.state).toBe("ready");
    expect(snapshot(datapath).ipcache).toEqual(maps.ipcache);
    const other = await second.agent.endpoints.create({ name: "default/other", labels: [] });
    expect(other.addresses).not.toEqual(before.addresses);
    await second.agent.stop();
  });

  it("leaves nothing of a pod that could not be made", async () => {
    const store = memoryStore();
    const { agent, datapath } = testNode(store, 1);
    await agent.start();
    const attach = datapath.attach.bind(datapath);
    datapath.attach = async () => {
      throw new Error("no such namespace");
    };
    const entries = (await store.list("")).entries.length;
    await expect(agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] })).rejects.toThrow(
      "no such namespace",
    );
    datapath.attach = attach;
    expect(agent.describe().ipam.ranges[0]).toMatchObject({ allocated: 0, quarantined: 0 });
    expect(agent.endpoints.list()).toEqual([]);
    const references = (await store.list("netloom/default/v1/identity-references/")).entries;
    expect(references).toEqual([]);
    // The identity's own keys are the collector's.
    expect((await store.list("")).entries.length).toBe(entries + 2);
    await agent.stop();
  });

  it("locks a pod down where its policy does not fit, and says so", async () => {
    const store = memoryStore();
    const { agent, datapath, errors } = testNode(store, 1, {
      datapath: memoryDatapath({ maxEntries: { policy: 8 } }),
    });
    await agent.start();
    const web = await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    const ports = Array.from({ length: 20 }, (_, index) => ({
      protocol: "TCP" as const,
      port: 1000 + index * 2,
    }));
    const revision = await agent.cluster.policies.apply({ ...allowWeb, ingress: [{ ports }] });
    await expect.poll(() => errors.some(({ code }) => code === "ERR_CAPACITY")).toBe(true);
    const key = { address: parseAddress(web.addresses[0]!) };
    expect(datapath.maps.endpoints.get(key)?.flags).toBe(1);
    const fitting = await agent.cluster.policies.apply({
      ...allowWeb,
      ingress: [{ ports: ports.slice(0, 2) }],
    });
    expect(fitting).toBeGreaterThan(revision);
    await agent.settled(fitting);
    expect(datapath.maps.endpoints.get(key)?.flags).toBe(0);
    await agent.stop();
  });

  it("ignores a policy that cannot be read, keeps the one before it, and says so", async () => {
    const raw = memoryStore();
    const { one, two, client, server } = await twoNodes(raw);
    await one.agent.cluster.settled(await one.agent.cluster.policies.apply(allowWeb));
    const key = "netloom/default/v1/state/policies/default/web";
    const known = await raw.get(key);
    const revision = await raw.update(
      key,
      { name: "default/web", subject: 7 },
      { revision: known!.revision },
    );
    await one.agent.cluster.settled(revision);
    expect(ask(two, { source: client, destination: server, port: 81 })).toBe(false);
    expect(two.errors.some((error) => isNetloomError(error, "ERR_POLICY_INVALID"))).toBe(true);
    await one.agent.stop();
    await two.agent.stop();
  });

  it("can be started and stopped twice without harm", async () => {
    const { agent } = testNode(memoryStore(), 1);
    await Promise.all([agent.start(), agent.start()]);
    await Promise.all([agent.stop(), agent.stop()]);
    expect(agent.status).toBe("stopped");
    await expect(agent.start()).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe("an operator", () => {
  it("reclaims the identities that nobody uses any more", async () => {
    const store = memoryStore();
    const { agent } = testNode(store, 1);
    const operator = createOperator({ store, identityInterval: 5 });
    const reclaimed: number[] = [];
    operator.events.on("identities:reclaimed", (ids) => reclaimed.push(...ids));
    await agent.start();
    await operator.start();
    const pod = await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"] });
    await agent.endpoints.delete("web");
    await expect.poll(() => reclaimed).toEqual([pod.identity]);
    await operator.stop();
    await agent.stop();
  });
});

function snapshot(datapath: ReturnType<typeof memoryDatapath>): { ipcache: string[] } {
  return { ipcache: [...datapath.maps.ipcache.entries()].map((entry) => JSON.stringify(entry)).sort() };
}

describe("an agent in trouble", () => {
  it("gives a pod that goes room for one that comes, where the table of endpoints is full", async () => {
    const datapath = memoryDatapath({ maxEntries: { endpoints: 1 } });
    const { agent, errors } = testNode(memoryStore(), 1, { datapath });
    await agent.start();
    await agent.endpoints.create({ name: "default/one", labels: ["k8s:app=web"] });
    const two = agent.endpoints.create({
      name: "default/two",
      labels: ["k8s:app=web"],
      signal: AbortSignal.timeout(5000),
    });
    await agent.endpoints.delete("default/one");
    await two;
    expect([...datapath.maps.endpoints.entries()]).toHaveLength(1);
    expect(errors.every((error) => isNetloomError(error, "ERR_CAPACITY"))).toBe(true);
    await agent.stop();
  });

  it("gives no policy set the number of one that a flow was allowed under before a restart", async () => {
    const datapath = memoryDatapath();
    const flow = { low: "10.1.1.5", high: "10.1.2.5", lowPort: 1000, highPort: 80, protocol: 6 };
    datapath.maps.conntrack.set(
      { ...flow, low: parseAddress(flow.low), high: parseAddress(flow.high) },
      {
        expires: 2n ** 62n,
        reported: 0n,
        natAddress: parseAddress("::"),
        natPort: 0,
        tcpFlagsOrigin: 0,
        tcpFlagsReply: 0,
        flags: 0,
        backend: 0,
        egressAllowed: 0n,
        ingressAllowed: (41n << 32n) | 300n,
      },
    );
    const { agent } = testNode(memoryStore(), 1, { datapath });
    await agent.start();
    await agent.endpoints.create({ name: "default/one", labels: ["k8s:app=web"] });
    const policies = [...datapath.maps.endpoints.entries()].map(([, { policy }]) => policy);
    expect(Math.min(...policies)).toBeGreaterThan(41);
    await agent.stop();
  });

  it("does not take its pods for gone where the store has been wiped", async () => {
    const datapath = memoryDatapath();
    const store = memoryStore();
    const first = testNode(store, 1, { datapath });
    await first.agent.start();
    await first.agent.endpoints.create({ name: "default/one", labels: ["k8s:app=web"] });
    await first.agent.stop();
    const before = [...datapath.maps.endpoints.entries()];
    const { agent } = testNode(memoryStore(), 1, { datapath });
    await expect(agent.start()).rejects.toMatchObject({ code: "ERR_STORE_LOST" });
    expect([...datapath.maps.endpoints.entries()]).toEqual(before);
    const again = testNode(store, 1, { datapath });
    await again.agent.start();
    expect(again.agent.endpoints.list()).toHaveLength(1);
    await again.agent.stop();
  });

  it("rejects, and does not throw, where a name or a label cannot be right", async () => {
    const { agent } = testNode(memoryStore(), 1);
    await agent.start();
    await expect(agent.endpoints.create({ name: "a b", labels: [] })).rejects.toThrow("a b");
    await expect(agent.endpoints.setLabels("default/one", ["=:="])).rejects.toMatchObject({
      code: "ERR_LABEL_INVALID",
    });
    await agent.stop();
  });

  it("refuses addresses on request where its IPAM does not do that", async () => {
    const ipam = rangeIpam("10.1.1.0/24");
    const { agent } = testNode(memoryStore(), 1, {
      ipam: { ...ipam, capabilities: { families: [4], requestedAddress: false } },
    });
    await agent.start();
    const create = agent.endpoints.create({ name: "default/one", labels: [], addresses: ["10.1.1.9"] });
    await expect(create).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    await agent.stop();
  });

  it("can be described after it has stopped", async () => {
    const { agent } = testNode(memoryStore(), 1);
    await agent.start();
    await agent.stop();
    expect(agent.describe()).toMatchObject({ lifecycle: "stopped", metrics: [] });
  });
});
