import { readFileSync } from "node:fs";
import { whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, ROUTER, WORLD, type LivePod } from "./cluster.ts";
import { serve, startPeer } from "./peers.ts";

const PAIRS = [
  ["client", "near"],
  ["client", "distant"],
  ["distant", "client"],
  ["near", "distant"],
] as const;

/** Exit code of ping(8), with the Don't Fragment bit. */
async function ping(live: LiveCluster, from: string, to: string, bytes = 8): Promise<number | null> {
  const args = ["-c", "1", "-W", "1", "-M", "do", "-s", String(bytes), to];
  return (await live.lab.namespace(from).exec("ping", args)).code;
}

/** Three nodes: a client on the first, others on the second beside it and on the third behind the router. */
async function threeNodes(live: LiveCluster): Promise<Readonly<Record<string, LivePod>>> {
  const pods: Record<string, LivePod> = {};
  for (const [index, name] of ["client", "near", "distant"].entries()) {
    pods[name] = await live.pod(name, live.nodes[index]!, "any");
  }
  return pods;
}

describe.skipIf(whyNoLab("native routing with a tunnel in the kernel's datapath") !== undefined)(
  "nodes of which one is behind a router",
  () => {
    let live: LiveCluster;
    let pods: Readonly<Record<string, LivePod>>;

    beforeAll(async () => {
      live = await LiveCluster.start("hybrid", 3, {}, [], {
        routing: () => native({ tunnel: vxlan() }),
        distant: [3],
      });
      pods = await threeNodes(live);
    });

    afterAll(() => live[Symbol.asyncDispose]());

    it("leave room for the tunnel everywhere", () => {
      expect(live.nodes.map(({ agent }) => agent.describe().podMtu)).toEqual([1450, 1450, 1450]);
    });

    it.each(PAIRS)("carry what %s sends %s, at exactly the MTU", async (from, to) => {
      const { address } = pods[to]!;
      expect(await ping(live, from, address, 1422)).toBe(0);
      const server = await serve(live, to, "tcp-lines", 8080);
      const talk = startPeer(live, from, "tcp-talk", address, 8080, 2);
      await talk.next(({ answer }) => answer !== undefined);
      expect((await server.first((said) => said["from"] !== undefined))["from"]).toContain(
        pods[from]!.address,
      );
      await talk.kill();
      await server.kill();
    });

    it("use the tunnel across the router, and nowhere else", async () => {
      const before = tunnelled("node1");
      for (let time = 0; time < 3; time++) expect(await ping(live, "client", pods["near"]!.address)).toBe(0);
      expect(tunnelled("node1")).toBe(before);
      for (let time = 0; time < 3; time++)
        expect(await ping(live, "client", pods["distant"]!.address)).toBe(0);
      expect(tunnelled("node1")).toBe(before + 6);
    });

    it("reach the world by the router, under their node's address", async () => {
      const world = await serve(live, "world", "tcp-lines", 80);
      const talk = startPeer(live, "distant", "tcp-talk", WORLD, 80, 5);
      await talk.next(({ answer }) => answer !== undefined);
      expect((await world.first(({ from }) => from !== undefined))["from"]).toContain("192.168.60.3");
      await talk.kill();
      await world.kill();
    });

    it("refuse what comes from behind the tunnel without it", async () => {
      // The router pretends to be the distant pod, on the wire of the near ones.
      using router = Rtnl.open({ netns: live.lab.namespace(ROUTER) });
      router.addresses.add({ device: "lo", address: `${pods["distant"]!.address}/32` });
      router.routes.add({ to: live.nodes[0]!.podCIDR, via: live.nodes[0]!.address });
      const args = ["-c", "1", "-W", "1", "-I", pods["distant"]!.address, pods["client"]!.address];
      expect((await live.lab.namespace(ROUTER).exec("ping", args)).code).not.toBe(0);
      const drop = await live.flow(({ reason }) => reason === "invalid-source-ip");
      expect(drop).toMatchObject({
        node: "node1",
        hook: "from-netdev",
        source: { endpoint: "default/distant" },
      });
      router.addresses.delete({ device: "lo", address: `${pods["distant"]!.address}/32` });
    });

    it("leave no agent with an error", () => {
      expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });

    /** Packets that have passed a node's tunnel device, either way. */
    function tunnelled(node: string): number {
      const text = live.lab.namespace(node).run(() => readFileSync("/proc/thread-self/net/dev", "utf8"));
      const counts = /netloom_vxlan:\s*(.*)/.exec(text)![1]!.split(/\s+/).map(Number);
      return counts[1]! + counts[9]!;
    }
  },
);

describe.skipIf(whyNoLab("native routing by the fabric in the kernel's datapath") !== undefined)(
  "nodes whose fabric knows where pods are",
  () => {
    let live: LiveCluster;
    let pods: Readonly<Record<string, LivePod>>;

    beforeAll(async () => {
      const routing = () => native({ directRoutes: false });
      live = await LiveCluster.start("fabricroutes", 3, {}, [], { routing, distant: [3] });
      pods = await threeNodes(live);
      using router = Rtnl.open({ netns: live.lab.namespace(ROUTER) });
      for (const { podCIDR, address } of live.nodes) router.routes.add({ to: podCIDR, via: address });
    });

    afterAll(() => live[Symbol.asyncDispose]());

    it("have no tunnel, and no route of the datapath's", () => {
      using rtnl = Rtnl.open({ netns: live.lab.namespace("node1") });
      expect(rtnl.links.find("netloom_vxlan")).toBeUndefined();
      const routes = rtnl.routes.list({ family: 4, protocol: 110 });
      expect(routes.map(({ to }) => to)).toEqual([`${pods["client"]!.address}/32`]);
    });

    it.each(PAIRS)("carry what %s sends %s, at the uplink's MTU", async (from, to) => {
      const { address } = pods[to]!;
      expect(await ping(live, from, address, 1472)).toBe(0);
      const server = await serve(live, to, "tcp-lines", 8080);
      const talk = startPeer(live, from, "tcp-talk", address, 8080, 2);
      await talk.next(({ answer }) => answer !== undefined);
      expect((await server.first((said) => said["from"] !== undefined))["from"]).toContain(
        pods[from]!.address,
      );
      await talk.kill();
      await server.kill();
    });

    it("leave no agent with an error", () => {
      expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });
  },
);
