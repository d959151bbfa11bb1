import { describe, expect, it } from "vitest";
import { parseAddress, type Drift } from "@netloom/core";
import { ManualClock, memoryStore, seededRandom } from "@netloom/core/memory";
import { testNode, type TestNode } from "../support/cluster.ts";

/** A node with a pod, a policy and a service: something in every table. */
async function fullNode(options: Parameters<typeof testNode>[2] = {}): Promise<TestNode & { pod: string }> {
  const node = testNode(memoryStore(), 1, options);
  await node.agent.start();
  const { addresses } = await node.agent.endpoints.create({ name: "default/web", labels: ["k8s:app=web"] });
  const { cluster } = node.agent;
  const subject = { matchLabels: { app: "web" } };
  await cluster.policies.apply({ name: "web", subject, ingress: [{ peers: [{ cidr: "198.51.100.0/24" }] }] });
  const revision = await cluster.services.apply({
    name: "web",
    addresses: ["10.96.0.1"],
    ports: [{ protocol: "TCP", port: 80 }],
    backends: { selector: subject },
  });
  await node.agent.settled(revision);
  return { ...node, pod: addresses[0]! };
}

/** Everything the tables hold, as text. */
function content({ datapath }: TestNode): string {
  const { maps } = datapath;
  const text = (entries: Iterable<unknown>): string[] =>
    Array.from(entries, (entry) => JSON.stringify(entry)).toSorted((a, b) => (a < b ? -1 : 1));
  return JSON.stringify({
    endpoints: text(maps.endpoints.entries()),
    policy: text(maps.policy.entries()),
    ipcache: text(maps.ipcache.entries()),
    prefixes: text(maps.ipcachePrefixes.entries()),
    services: text(maps.services.entries()),
    backends: text(maps.backends.entries()),
    maglev: [...maps.services.entries()].map(([, { id }]) => [...(maps.maglev.get(id) ?? [])]),
  });
}

const TAMPERINGS: readonly [string, Omit<Drift, "which">, (node: TestNode & { pod: string }) => void][] = [
  [
    "an ipcache entry that somebody deleted",
    { what: "ipcache entry", problem: "missing" },
    ({ datapath, pod }) => void datapath.maps.ipcache.delete({ address: parseAddress(pod) }),
  ],
  [
    "a policy entry that somebody turned round",
    { what: "policy entry", problem: "changed" },
    ({ datapath }) => {
      const [key, value] = [...datapath.maps.policy.entries()][0]!;
      datapath.maps.policy.set(key, { ...value, deny: 1 });
    },
  ],
  [
    "an endpoint that somebody made up",
    { what: "endpoints entry", problem: "foreign" },
    ({ datapath }) => {
      const [, value] = [...datapath.maps.endpoints.entries()][0]!;
      datapath.maps.endpoints.set({ address: parseAddress("10.1.1.200") }, value);
    },
  ],
  [
    "a prefix that somebody deleted",
    { what: "ipcache_prefixes entry", problem: "missing" },
    ({ datapath }) => {
      const keys = [...datapath.maps.ipcachePrefixes.entries()].map(([key]) => key);
      datapath.maps.ipcachePrefixes.delete(keys[0]!);
    },
  ],
  [
    "a backend that somebody cleared",
    { what: "backends entry", problem: "missing" },
    ({ datapath }) =>
      datapath.maps.backends.set(1, { address: parseAddress("::"), port: 0, protocol: 0, state: 0 }),
  ],
  [
    "a Maglev table that somebody overwrote",
    { what: "maglev table", problem: "changed" },
    ({ datapath }) => {
      const [, { id }] = [...datapath.maps.services.entries()][0]!;
      datapath.maps.maglev.set(id, new Uint16Array(4093));
    },
  ],
];

describe("an audit", () => {
  it("finds nothing where nobody meddled", async () => {
    const node = await fullNode();
    expect(await node.agent.audit()).toEqual([]);
    await node.agent.stop();
  });

  it.each(TAMPERINGS)("finds and mends %s", async (_, expected, tamper) => {
    const node = await fullNode();
    const told: (readonly Drift[])[] = [];
    node.agent.events.on("drift:repaired", (drifts) => told.push(drifts));
    const before = content(node);
    tamper(node);
    expect(content(node)).not.toBe(before);
    const found = await node.agent.audit();
    expect(found).toEqual([{ ...expected, which: expect.any(String) }]);
    expect(told).toEqual([found]);
    expect(content(node)).toBe(before);
    expect(await node.agent.audit()).toEqual([]);
    expect(node.agent.describe()).toMatchObject({ driftsRepaired: 1, errors: 0 });
    expect(node.errors).toEqual([]);
    await node.agent.stop();
  });

  it("happens by itself", async () => {
    const clock = new ManualClock();
    const node = await fullNode({ runtime: { clock, random: seededRandom(1) }, auditInterval: 30_000 });
    const before = content(node);
    node.datapath.maps.ipcache.delete({ address: parseAddress(node.pod) });
    const repaired = new Promise((resolve) => node.agent.events.on("drift:repaired", resolve));
    await clock.advance(29_000);
    expect(content(node)).not.toBe(before);
    await clock.advance(1001);
    await repaired;
    expect(content(node)).toBe(before);
    await node.agent.stop();
  });
});
