import { readFileSync } from "node:fs";
import { whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, WORLD, type LivePod } from "./cluster.ts";
import { serve, startPeer, tries } from "./peers.ts";

const GIB = 2 ** 30;

describe.skipIf(whyNoLab("traffic through the kernel's datapath") !== undefined)("pods on two nodes", () => {
  let live: LiveCluster;
  let client: LivePod;
  let near: LivePod;
  let far: LivePod;

  beforeAll(async () => {
    live = await LiveCluster.start("traffic");
    const [one, two] = live.nodes as [LiveCluster["nodes"][number], LiveCluster["nodes"][number]];
    client = await live.pod("client", one, "client");
    near = await live.pod("near", one, "web");
    far = await live.pod("far", two, "web");
  });

  afterAll(() => live[Symbol.asyncDispose]());

  it("carry a gibibyte of TCP unharmed, in segments that fill the MTU", async () => {
    const sink = await serve(live, "far", "tcp-sink", 5000);
    const before = uplinkCounters();
    const source = startPeer(live, "client", "tcp-source", far.address, 5000, GIB);
    const received = await sink.next(({ bytes }) => bytes !== undefined);
    const [sent] = await source.ended;
    expect(received).toEqual({ bytes: GIB, digest: sent!["digest"] });
    const wire = uplinkCounters();
    // A segment at full MTU carries 1450 - 52 bytes; the kernel may send many of them as one.
    expect(Number(wire.bytes - before.bytes)).toBeLessThan(GIB * (1500 / 1398) * 1.02);
    expect(wire.fragments - before.fragments).toBe(0n);
    await sink.kill();
  });

  it.each([
    ["on the same node", () => near],
    ["on the other", () => far],
  ])("answer ICMP and UDP echo %s, at any size the MTU takes", async (_, target) => {
    const echo = await serve(live, target().name, "udp-echo", 7);
    for (const bytes of [1, 1422]) {
      const [answer] = await startPeer(live, "client", "udp-ask", target().address, 7, bytes, 2000).ended;
      expect(answer).toEqual({ bytes });
    }
    await echo.kill();
    for (const bytes of [8, 1422]) expect(await ping("client", target().address, bytes)).toBe(0);
    // One byte more would need a fragment, and may not have one.
    expect(await ping("client", target().address, 1423)).not.toBe(0);
  });

  it("carry datagrams larger than the MTU in fragments", async () => {
    const echo = await serve(live, "far", "udp-echo", 8);
    const [answer] = await startPeer(live, "client", "udp-ask", far.address, 8, 4000, 2000).ended;
    expect(answer).toEqual({ bytes: 4000 });
    await echo.kill();
  });

  it("reach the world under their node's address, and it answers", async () => {
    const world = await serve(live, "world", "tcp-lines", 80);
    const talk = startPeer(live, "client", "tcp-talk", WORLD, 80, 5);
    await talk.next(({ answer }) => answer !== undefined);
    expect((await world.first(({ from }) => from !== undefined))["from"]).toContain(client.node.address);
    expect(await ping("client", WORLD, 8)).toBe(0);
    await talk.kill();
    await world.kill();
  });

  it("can be reached by the world until a policy protects them, and not any more then", async () => {
    const server = await serve(live, "far", "tcp-lines", 8080);
    expect(await tries(live, "world", far.address, 8080)).toMatchObject({ connected: true });
    const policy = { name: "default/no-world", subject: { matchLabels: { app: "web" } }, ingress: [] };
    await live.cluster.settled(await live.cluster.policies.apply(policy));
    expect(await tries(live, "world", far.address, 8080)).toEqual({ error: "timeout" });
    const drop = await live.flow(({ outcome, source }) => outcome === "dropped" && source.address === WORLD);
    expect(drop).toMatchObject({ reason: "policy-denied", source: { labels: ["reserved:world"] } });
    await live.cluster.settled((await live.cluster.policies.remove("default/no-world"))!);
    expect(await tries(live, "world", far.address, 8080)).toMatchObject({ connected: true });
    await server.kill();
  });

  it("are not heard where they take another's address", async () => {
    const echo = await serve(live, "far", "udp-echo", 9);
    using inside = Rtnl.open({ netns: live.lab.namespace("client") });
    inside.addresses.add({ device: "eth0", address: "10.244.1.250/32" });
    inside.routes.replace({
      to: `${far.address}/32`,
      device: "eth0",
      via: "10.244.1.1",
      source: "10.244.1.250",
    });
    try {
      const [answer] = await startPeer(live, "client", "udp-ask", far.address, 9, 16, 500).ended;
      expect(answer).toEqual({ error: "timeout" });
      expect(echo.said).toEqual([{ ready: true }]);
      const drop = await live.flow(({ source }) => source.address === "10.244.1.250");
      expect(drop).toMatchObject({ outcome: "dropped", reason: "invalid-source-ip", hook: "from-container" });
    } finally {
      inside.routes.delete({ to: `${far.address}/32`, device: "eth0" });
      inside.addresses.delete({ device: "eth0", address: "10.244.1.250/32" });
      await echo.kill();
    }
  });

  it("leave no agent with an error", () => {
    expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
  });

  /** Exit code of ping(8), which has no part in any of this; with the Don't Fragment bit. */
  async function ping(from: string, to: string, bytes: number): Promise<number | null> {
    const args = ["-c", "1", "-W", "1", "-M", "do", "-s", String(bytes), to];
    return (await live.lab.namespace(from).exec("ping", args)).code;
  }

  /** What has left the client's node, and how much of it in fragments. */
  function uplinkCounters(): { readonly bytes: bigint; readonly fragments: bigint } {
    const netns = live.lab.namespace("node1");
    return netns.run(() => {
      const devices = readFileSync("/proc/thread-self/net/dev", "utf8");
      const sent = /eth0:\s*(?:\d+\s+){8}(\d+)/.exec(devices)?.[1] ?? "0";
      const snmp = readFileSync("/proc/thread-self/net/snmp", "utf8")
        .match(/^Ip:.*$/gm)!
        .map((row) => row.split(" "));
      return { bytes: BigInt(sent), fragments: BigInt(snmp[1]![snmp[0]!.indexOf("FragCreates")] ?? 0) };
    });
  }
});
