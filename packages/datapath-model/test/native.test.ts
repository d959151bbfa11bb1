import { describe, expect, it } from "vitest";
import { explain, explanationText, modelDatapath, readFrame } from "@netloom/datapath-model";
import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";
import { TestCluster, type TestShape } from "./cluster.ts";

const GATEWAYS = ["192.0.2.254", "198.51.100.254"];

/** Nodes 1 and 2 on one segment, 3 on another. */
const shape = (routing: TestShape["routing"]): TestShape => ({
  ...(routing === undefined ? {} : { routing }),
  address: (number) => `${number < 3 ? "192.0.2" : "198.51.100"}.${number}`,
});

const onSegment = (number: number) => ({
  networks: [number < 3 ? "192.0.2.0/24" : "198.51.100.0/24"],
  routes: [{ to: "0.0.0.0/0", via: GATEWAYS[number < 3 ? 0 : 1]! }],
});

/** Source and destination of every frame on the fabric, once each. */
function wire(cluster: TestCluster): Set<string> {
  const seen = new Set<string>();
  cluster.fabric.capture((frame) => {
    const { source, destination } = readFrame(frame)!;
    seen.add(`${source} ${destination}`);
  });
  return seen;
}

describe("a cluster without a tunnel, on the model", () => {
  it("carries pods' packets as they are, at the fabric's MTU", async () => {
    await using cluster = await TestCluster.start(2, {}, {}, { routing: () => native() });
    const far = await cluster.pod("far", 2);
    const client = await cluster.pod("client", 1);
    const seen = wire(cluster);
    cluster.host("far").listen(80, "far");
    expect(await cluster.host("client").connect(`${far}:80`)).toMatchObject({ reply: "far" });
    expect(seen).toEqual(new Set([`${client} ${far}`, `${far} ${client}`]));
    expect(cluster.fabric.pod("default/client").mtu).toBe(1500);
  });

  it("asks policy by what it knows of the sender, and shares services", async () => {
    await using cluster = await TestCluster.start(2, {}, {}, { routing: () => native() });
    const web = await cluster.pod("web", 2);
    await cluster.pod("client", 1);
    await cluster.pod("intruder", 1);
    cluster.host("web").listen(8080, "hello");
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 8080 }]);
    await cluster.service("10.96.0.10", 80, "web", 8080);
    expect((await cluster.host("client").connect("10.96.0.10:80")).reply).toBe("hello");
    expect((await cluster.host("intruder").connect(`${web}:8080`)).outcome).toBe("no answer");
  });

  it("lets nodes and pods talk", async () => {
    await using cluster = await TestCluster.start(2, {}, {}, { routing: () => native() });
    const far = await cluster.pod("far", 2);
    await cluster.pod("near", 1);
    expect(await cluster.nodes[0]!.datapath.host.ping(far)).toBe(true);
    for (const address of ["10.244.2.1", "10.244.1.1", "192.0.2.2"])
      expect(await cluster.host("near").ping(address), address).toBe(true);
  });

  it("masquerades towards the world, and not towards what knows the way back", async () => {
    const routing = () => native({ nativeCidr: "203.0.113.0/25" });
    await using cluster = await TestCluster.start(1, {}, {}, { routing });
    const client = await cluster.pod("client", 1);
    const sources: string[] = [];
    for (const address of ["203.0.113.9", "203.0.113.200"]) {
      const routes = [{ to: "0.0.0.0/0" }, { to: "10.244.1.0/24", via: "192.0.2.1" }];
      cluster.fabric.host(address, { routes }).answer(53, (_, from) => {
        sources.push(from.split(":")[0]!);
        return "heard";
      });
      expect((await cluster.host("client").ask(`${address}:53`)).reply).toBe("heard");
    }
    expect(sources).toEqual([client, "192.0.2.1"]);
  });

  it("drops what no route is for", async () => {
    const routing = () => native({ nativeCidr: "203.0.113.0/24" });
    const networks = ["192.0.2.0/24"];
    await using cluster = await TestCluster.start(1, {}, { networks }, { routing });
    await cluster.pod("client", 1);
    cluster.fabric.host("203.0.113.9");
    expect(await cluster.host("client").ping("203.0.113.9")).toBe(false);
    const { metrics } = cluster.nodes[0]!.agent.describe();
    expect(metrics.find(({ name }) => name === "drop:no-route")?.packets).toBe(1n);
  });
});

describe("a cluster on two segments, on the model", () => {
  it("is native within one, and goes by the tunnel across the router", async () => {
    const routing = () => native({ tunnel: vxlan() });
    await using cluster = await TestCluster.start(3, {}, onSegment, shape(routing));
    const router = cluster.fabric.router({ addresses: GATEWAYS });
    const [client, near, far] = [
      await cluster.pod("client", 1),
      await cluster.pod("near", 2),
      await cluster.pod("far", 3),
    ];
    const seen = wire(cluster);
    expect(await cluster.host("client").ping(near)).toBe(true);
    expect(seen).toEqual(new Set([`${client} ${near}`, `${near} ${client}`]));
    expect(router.forwarded).toBe(0);
    seen.clear();
    expect(await cluster.host("client").ping(far)).toBe(true);
    expect(seen).toEqual(new Set(["192.0.2.1 198.51.100.3", "198.51.100.3 192.0.2.1"]));
    expect(router.forwarded).toBe(2);
  });

  it("needs no tunnel where the router knows where pods are", async () => {
    await using cluster = await TestCluster.start(
      3,
      {},
      onSegment,
      shape(() => native()),
    );
    const routes = [{ to: "0.0.0.0/0" }, { to: "10.244.1.0/24", via: "192.0.2.1" }];
    const router = cluster.fabric.router({
      addresses: GATEWAYS,
      routes: [...routes, { to: "10.244.3.0/24", via: "198.51.100.3" }],
    });
    await cluster.pod("client", 1);
    const far = await cluster.pod("far", 3);
    expect(await cluster.host("client").ping(far)).toBe(true);
    expect(router.forwarded).toBe(2);
    router.unplug();
    expect(await cluster.host("client").ping(far)).toBe(false);
  });
});

describe("explain", () => {
  it("follows a packet to another node without a tunnel, and says that its way is native", async () => {
    await using cluster = await TestCluster.start(2, {}, {}, { routing: () => native() });
    const far = await cluster.pod("far", 2);
    const client = await cluster.pod("client", 1);
    const nodes = cluster.nodes.map(({ agent }) => agent.inspect());
    const question = { source: client, destination: far, protocol: "TCP", port: 80 } as const;
    const { outcome, hops } = explain(question, nodes);
    expect(outcome).toBe("delivered");
    expect(hops.map(({ node, hook }) => `${node} ${hook}`)).toEqual([
      "node1 from-container",
      "node1 to-netdev",
      "node2 from-netdev",
    ]);
    expect(explanationText(explain(question, nodes))).toContain(", native");
    expect(explain(question, nodes.slice(0, 1)).outcome).toBe("to-other-node");
    expect(explain({ ...question, destination: "203.0.113.1" }, nodes).outcome).toBe("to-world");
  });
});

describe("the model's options", () => {
  it.each([
    [{ networks: ["192.0.2.1/24"] }, "option networks 192.0.2.1/24 is not acceptable"],
    [{ routes: [{ to: "everywhere" }] }, "option routes everywhere is not acceptable"],
  ])("%j are refused", (options, text) => {
    expect(() => modelDatapath(options)).toThrow(text);
  });
});
