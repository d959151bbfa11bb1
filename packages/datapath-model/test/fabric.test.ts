import { describe, expect, it } from "vitest";
import { ManualClock, seededRandom } from "@netloom/core/memory";
import { modelFabric, readFrame, tcpFrame, udpFrame } from "@netloom/datapath-model";
import { TestCluster } from "./cluster.ts";

const WORLD = "203.0.113.9";
const VIP = "10.96.0.10";

describe("a cluster on the model", () => {
  it("connects pods of one node and of two", async () => {
    await using cluster = await TestCluster.start(2);
    const near = await cluster.pod("near", 1);
    const far = await cluster.pod("far", 2);
    await cluster.pod("client", 1);
    cluster.host("near").listen(80, "near");
    cluster.host("far").listen(80, "far");
    const client = cluster.host("client");
    expect(await client.connect(`${near}:80`)).toMatchObject({ outcome: "connected", reply: "near" });
    expect(await client.connect(`${far}:80`)).toMatchObject({ outcome: "connected", reply: "far" });
    expect(await client.connect(`${far}:81`)).toMatchObject({ outcome: "refused" });
    expect(await client.ping(far)).toBe(true);
  });

  it("tells what policy denies from what nobody serves", async () => {
    await using cluster = await TestCluster.start(2);
    const web = await cluster.pod("web", 2);
    await cluster.pod("client", 1);
    await cluster.pod("intruder", 1);
    cluster.host("web").listen(8080, "hello");
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 8080 }]);
    expect((await cluster.host("client").connect(`${web}:8080`)).outcome).toBe("connected");
    expect((await cluster.host("intruder").connect(`${web}:8080`)).outcome).toBe("no answer");
    expect((await cluster.host("client").connect(`${web}:8081`)).outcome).toBe("no answer");
    expect(await cluster.host("client").ping(web)).toBe(false);
  });

  it("spreads a service over its backends, and gives replies its address", async () => {
    await using cluster = await TestCluster.start(2);
    const web = await cluster.pod("web", 2);
    await cluster.pod("client", 1);
    cluster.host("web").listen(8080, "hello");
    await cluster.service(VIP, 80, "web", 8080);
    const frames: string[] = [];
    cluster.fabric.pod("default/client").onReceive((frame) => frames.push(readFrame(frame)!.source));
    const { outcome, reply } = await cluster.host("client").connect(`${VIP}:80`);
    expect([outcome, reply]).toEqual(["connected", "hello"]);
    expect(new Set(frames)).toEqual(new Set([VIP]));
    expect(web).not.toBe(VIP);
  });

  it("lets a pod reach itself through a service", async () => {
    await using cluster = await TestCluster.start(1);
    await cluster.pod("web", 1);
    cluster.host("web").listen(8080, "myself");
    await cluster.service(VIP, 80, "web", 8080);
    expect(await cluster.host("web").connect(`${VIP}:80`)).toMatchObject({ reply: "myself" });
  });

  it("hides pods behind the node's address, and brings answers and errors back", async () => {
    await using cluster = await TestCluster.start(1);
    await cluster.pod("client", 1);
    const world = cluster.fabric.host(WORLD);
    const sources = new Set<string>();
    world.answer(53, (question, from) => {
      sources.add(from.split(":")[0]!);
      return `${question}!`;
    });
    const client = cluster.host("client");
    expect(await client.ask(`${WORLD}:53`, "who", { port: 53 })).toMatchObject({
      outcome: "answered",
      reply: "who!",
    });
    expect(sources).toEqual(new Set(["192.0.2.1"]));
    expect(await client.ask(`${WORLD}:54`)).toMatchObject({ outcome: "refused" });
    expect(await client.ping(WORLD)).toBe(true);
  });

  it("takes no port that the node itself uses", async () => {
    await using cluster = await TestCluster.start(1);
    await cluster.pod("client", 1);
    cluster.nodes[0]!.datapath.host.answer(40_000);
    const ports: number[] = [];
    cluster.fabric.host(WORLD).answer(53, (_, from) => {
      ports.push(Number(from.split(":")[1]));
      return "";
    });
    await cluster.host("client").ask(`${WORLD}:53`, "", { port: 40_000 });
    await cluster.host("client").ask(`${WORLD}:53`, "", { port: 40_001 });
    expect(ports[0]).not.toBe(40_000);
    expect(ports[0]).toBeGreaterThanOrEqual(32_768);
    expect(ports[1]).toBe(40_001);
  });

  it("lets node and pods talk, here and on other nodes", async () => {
    await using cluster = await TestCluster.start(2);
    const [near, far] = [await cluster.pod("near", 1), await cluster.pod("far", 2)];
    const node = cluster.nodes[0]!.datapath.host;
    expect(await node.ping(near)).toBe(true);
    expect(await node.ping(far)).toBe(true);
    expect(await cluster.host("near").ping("192.0.2.1")).toBe(true);
    expect(await cluster.host("near").ping("192.0.2.2")).toBe(true);
    expect(await cluster.host("near").ping("10.244.1.1")).toBe(true);
  });

  it("sends VXLAN that says who speaks", async () => {
    await using cluster = await TestCluster.start(2);
    const far = await cluster.pod("far", 2);
    await cluster.pod("client", 1);
    const frames: Uint8Array[] = [];
    cluster.fabric.capture((frame) => frames.push(frame));
    await cluster.host("client").ping(far);
    const outer = readFrame(frames[0]!)!;
    const { identity } = cluster.nodes[0]!.agent.endpoints.get("default/client")!;
    expect([outer.source, outer.destination, outer.destinationPort]).toEqual([
      "192.0.2.1",
      "192.0.2.2",
      8472,
    ]);
    expect(new DataView(outer.payload.buffer, outer.payload.byteOffset).getUint32(4) >>> 8).toBe(identity);
    expect(readFrame(outer.payload.slice(8))?.destination).toBe(far);
  });

  it("drops what is longer than an MTU, and counts it", async () => {
    await using cluster = await TestCluster.start(2, { mtu: 1500 });
    const far = await cluster.pod("far", 2);
    const pod = (await cluster.pod("client", 1), cluster.fabric.pod("default/client"));
    expect(pod.mtu).toBe(1450);
    const frame = (payload: number): Uint8Array =>
      udpFrame({ from: `${pod.address}:1`, to: `${far}:2`, payload: new Uint8Array(payload) });
    let arrived = 0;
    cluster.fabric.pod("default/far").onReceive(() => arrived++);
    pod.send(frame(1450 - 28));
    pod.send(frame(1450 - 27));
    expect([arrived, pod.tooBig]).toEqual([1, 1]);
  });

  it("tells flows with the names of what decided", async () => {
    await using cluster = await TestCluster.start(1);
    const web = await cluster.pod("web", 1);
    await cluster.pod("intruder", 1);
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 80 }]);
    const [{ agent }] = cluster.nodes as [(typeof cluster.nodes)[0]];
    const flows = agent.flows()[Symbol.asyncIterator]();
    await cluster.host("intruder").connect(`${web}:80`);
    const { value } = await flows.next();
    expect(value).toMatchObject([
      {
        hook: "from-container",
        outcome: "dropped",
        reason: "policy-denied",
        source: { endpoint: "default/intruder" },
        ingress: { enforcedBy: ["default/web"] },
      },
    ]);
  });

  it("goes on forwarding when the agent has stopped", async () => {
    const cluster = await TestCluster.start(2);
    const far = await cluster.pod("far", 2);
    await cluster.pod("client", 1);
    for (const { agent } of cluster.nodes) await agent.stop();
    expect(await cluster.host("client").ping(far)).toBe(true);
    await cluster.nodes[1]!.datapath.uninstall();
    expect(await cluster.host("client").ping(far)).toBe(false);
  });
});

describe("the fabric", () => {
  it("loses, delays and mixes frames as its seed says", async () => {
    const play = async (seed: number): Promise<unknown> => {
      const clock = new ManualClock();
      const runtime = { clock, random: seededRandom(seed) };
      const fabric = modelFabric({ runtime, latency: 5, loss: 0.2, reorder: 0.3 });
      const order: [number, number][] = [];
      const sender = fabric.plug("192.0.2.1", () => undefined);
      fabric.plug("192.0.2.2", (frame) => order.push([readFrame(frame)!.sourcePort, clock.monotonic()]));
      for (let port = 1; port <= 100; port++) {
        sender.send(tcpFrame({ from: `192.0.2.1:${port}`, to: "192.0.2.2:80" }));
        await clock.advance(1);
      }
      await clock.advance(100);
      await fabric.quiet();
      return { order, counts: fabric.counts };
    };
    const first = (await play(1)) as { order: [number, number][]; counts: { lost: number; late: number } };
    expect(await play(1)).toEqual(first);
    expect(await play(2)).not.toEqual(first);
    expect(first.counts.lost).toBeGreaterThan(5);
    expect(first.counts.late).toBeGreaterThan(5);
    expect(first.order.map(([port]) => port)).not.toEqual(
      first.order.map(([port]) => port).sort((a, b) => a - b),
    );
  });

  it("refuses nonsense, and two nodes with one address", () => {
    expect(() => modelFabric({ loss: 2 })).toThrow(/ERR_OPTIONS_INVALID|not acceptable/);
    expect(() => modelFabric({ mtu: 10 })).toThrow("not acceptable");
    const fabric = modelFabric();
    fabric.host("192.0.2.1");
    expect(() => fabric.host("192.0.2.1")).toThrow("on the fabric already");
  });
});
