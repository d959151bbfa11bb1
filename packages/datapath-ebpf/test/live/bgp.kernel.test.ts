import { whyNoLab } from "@netloom/lab";
import { startBird } from "@netloom/lab/routers";
import { Rtnl } from "@netloom/netlink";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BgpCluster } from "./bgp.ts";
import { ROUTER, WORLD, gatewayOf, type LiveNode, type LivePod } from "./cluster.ts";
import { serve, startPeer, tries } from "./peers.ts";

const SIZE = 2 ** 27;
const VIP = "10.96.0.10";
const BALANCED = "203.0.113.10";
const BFD = { transmitInterval: 200, receiveInterval: 200, multiplier: 3 };

describe.skipIf(whyNoLab("BGP between agents and a router") !== undefined)(
  "pods on two nodes behind a router that runs FRR",
  () => {
    let bgp: BgpCluster;
    let one: LiveNode;
    let two: LiveNode;
    let client: LivePod;
    let far: LivePod;

    beforeAll(async () => {
      bgp = await BgpCluster.start("bgp", {
        options: {
          advertise: [
            { type: "PodCIDR" },
            { type: "Service", selector: {}, service: { addresses: ["LoadBalancerIP"] } },
          ],
        },
        peer: { bfd: BFD },
        neighbour: { bfd: { interval: 200, multiplier: 3 } },
      });
      [one, two] = bgp.live.nodes as [LiveNode, LiveNode];
      client = await bgp.live.pod("client", one, "client");
      await bgp.live.pod("intruder", one, "intruder");
      far = await bgp.live.pod("far", two, "web");
      await bgp.converged();
    });

    afterAll(() => bgp[Symbol.asyncDispose]());

    it("reach each other by routes that BGP has told, and nothing else has", async () => {
      using node = Rtnl.open({ netns: bgp.live.lab.namespace("node1") });
      expect(node.links.find("netloom_vxlan")).toBeUndefined();
      const ways = node.routes.list({ family: 4 }).filter(({ via }) => via !== undefined);
      expect(ways.map(({ to, via, protocol }) => [to, via, protocol])).toEqual([
        ["0.0.0.0/0", gatewayOf(1), "bgp"],
        [two.podCIDR, gatewayOf(1), "bgp"],
      ]);
      const sink = await serve(bgp.live, "far", "tcp-sink", 5000);
      const source = startPeer(bgp.live, "client", "tcp-source", far.address, 5000, SIZE);
      const received = await sink.next(({ bytes }) => bytes !== undefined);
      const [sent] = await source.ended;
      expect(received).toEqual({ bytes: SIZE, digest: sent!["digest"] });
      await sink.kill();
    });

    it("keep the whole MTU, and their own addresses across the router", async () => {
      expect(one.agent.describe().podMtu).toBe(1500);
      expect(await ping("client", far.address, 1472)).toBe(0);
      const server = await serve(bgp.live, "far", "tcp-lines", 8081);
      const talk = startPeer(bgp.live, "client", "tcp-talk", far.address, 8081, 5);
      await talk.next(({ answer }) => answer !== undefined);
      await talk.kill();
      expect((await server.first(({ from }) => from !== undefined))["from"]).toContain(client.address);
      await server.kill();
    });

    it("are told apart by policy, though all their packets come from the router", async () => {
      const server = await serve(bgp.live, "far", "tcp-lines", 8080);
      const policy = {
        name: "default/web",
        subject: { matchLabels: { app: "web" } },
        ingress: [{ peers: [{ selector: { matchLabels: { app: "client" } } }] }],
      };
      await bgp.live.cluster.settled(await bgp.live.cluster.policies.apply(policy));
      expect(await tries(bgp.live, "client", far.address, 8080)).toMatchObject({ connected: true });
      expect(await tries(bgp.live, "intruder", far.address, 8080)).toEqual({ error: "timeout" });
      expect(await tries(bgp.live, "world", far.address, 8080)).toEqual({ error: "timeout" });
      const drop = await bgp.live.flow(
        ({ outcome, source }) => outcome === "dropped" && source.endpoint === "default/intruder",
      );
      expect(drop).toMatchObject({ node: "node2", hook: "from-netdev", reason: "policy-denied" });
      await bgp.live.cluster.settled((await bgp.live.cluster.policies.remove("default/web"))!);
      expect(await tries(bgp.live, "world", far.address, 8080)).toMatchObject({ connected: true });
      await server.kill();
    });

    it("reach the world by the way that BGP has told, under their node's address", async () => {
      const world = await serve(bgp.live, "world", "tcp-lines", 80);
      const talk = startPeer(bgp.live, "client", "tcp-talk", WORLD, 80, 5);
      await talk.next(({ answer }) => answer !== undefined);
      await talk.kill();
      expect((await world.first(({ from }) => from !== undefined))["from"]).toContain(one.address);
      await world.kill();
    });

    it("and their nodes reach each other, and each other's pods", async () => {
      const answers = [
        await ping("node1", two.address, 1472),
        await ping("node1", far.address, 1472),
        await ping("client", two.address, 8),
        await ping("client", "10.244.2.1", 8),
      ];
      expect(answers).toEqual([0, 0, 0, 0]);
    });

    describe("share a service", () => {
      const told = async (number: number): Promise<boolean> =>
        (await bgp.prefixesOf(number)).includes(`${BALANCED}/32`);

      it("whose address under the policy `local` only nodes with a backend tell", async () => {
        const revision = await bgp.live.cluster.services.apply({
          name: "default/web",
          addresses: [VIP],
          loadBalancerAddresses: [BALANCED],
          externalTrafficPolicy: "local",
          ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
          backends: { selector: { matchLabels: { app: "web" } } },
        });
        await bgp.live.cluster.settled(revision);
        await bgp.eventually("node2 tells of it", () => told(2));
        expect(await told(1)).toBe(false);
        const near = await bgp.live.pod("near", one, "web");
        await bgp.eventually("node1 tells of it, too", () => told(1));
        await far.node.agent.endpoints.delete("default/far");
        await bgp.eventually("node2 takes it back", async () => !(await told(2)));
        expect(await told(1)).toBe(true);
        far = await bgp.live.pod("far2", two, "web");
        await bgp.eventually("node2 tells of it again", () => told(2));
        expect(near.node).toBe(one);
      });

      it("by connections to either node", async () => {
        const servers = await Promise.all(
          ["near", "far2"].map((pod) => serve(bgp.live, pod, "tcp-lines", 8080)),
        );
        for (let index = 0; index < 16; index++) {
          const talk = startPeer(bgp.live, "client", "tcp-talk", VIP, 80, 5);
          await talk.next(({ answer }) => answer !== undefined);
          await talk.kill();
        }
        for (const { said } of servers) {
          expect(said.some(({ from }) => String(from).includes(client.address))).toBe(true);
        }
        for (const server of servers) await server.kill();
      });

      it("which a node that drains takes back, and not its pods", async () => {
        bgp.routing("node1").drain(true);
        await bgp.eventually("node1 tells of pods only", async () => (await bgp.prefixesOf(1)).length === 1);
        expect(await bgp.prefixesOf(1)).toEqual([one.podCIDR]);
        expect(await told(2)).toBe(true);
        bgp.routing("node1").drain(false);
        await bgp.eventually("node1 tells of both", () => told(1));
        expect(await bgp.established(1)).toBe(1);
      });
    });

    it("lose their ways to a node that dies, by BFD, long before any hold time", async () => {
      const began = performance.now();
      bgp.live.links.get("node2")!.cut("node2");
      const gone = async (where: string): Promise<number> => {
        await bgp.eventually(`${where} forgets`, () => !bgp.learned(where).includes(two.podCIDR));
        return Math.round(performance.now() - began);
      };
      const [router, node] = await Promise.all([gone(ROUTER), gone("node1")]);
      console.log(
        `BFD 200 ms x 3: withdrawn at the router after ${router} ms, at the other node after ${node} ms`,
      );
      // The hold time is 90 s.
      expect(Math.max(router, node)).toBeLessThan(30_000);
      const peers = async () => (await bgp.routing("node2").status()).instances[0]!.peers;
      await bgp.eventually("node2 knows", async () => (await peers())[0]!.state !== "established");
      bgp.live.links.get("node2")!.heal("node2");
      await bgp.converged();
      expect(await ping("client", far.address, 1472)).toBe(0);
    });

    it("are withdrawn at once where their node is uninstalled, and it keeps no route", async () => {
      await two.agent.uninstall();
      await bgp.eventually("the router forgets", () => !bgp.learned(ROUTER).includes(two.podCIDR));
      expect(await bgp.told(2)).toEqual([]);
      expect(bgp.learned("node2")).toEqual([]);
    });

    it("leave no agent with an error", () => {
      expect(bgp.live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });

    async function ping(from: string, to: string, bytes: number): Promise<number | null> {
      const args = ["-c", "1", "-W", "1", "-M", "do", "-s", String(bytes), to];
      return (await bgp.live.lab.namespace(from).exec("ping", args)).code;
    }
  },
);

describe.skipIf(whyNoLab("BGP between agents and BIRD") !== undefined)(
  "pods behind a router that runs BIRD",
  () => {
    it("reach each other by its routes, and lose them with their node", async () => {
      await using bgp = await BgpCluster.start("bgp-bird", {
        start: startBird,
        peer: { bfd: BFD },
        neighbour: { bfd: { interval: 200, multiplier: 3 } },
      });
      const [one, two] = bgp.live.nodes as [LiveNode, LiveNode];
      await bgp.live.pod("client", one, "client");
      const far = await bgp.live.pod("far", two, "web");
      await bgp.converged();
      const server = await serve(bgp.live, "far", "tcp-lines", 8080);
      expect(await tries(bgp.live, "client", far.address, 8080)).toMatchObject({ connected: true });
      await server.kill();
      await bgp.eventually("BFD is up", async () =>
        /192\.168\.62\.1\s+\S+\s+Up/.test(await bgp.router.ask("show bfd sessions")),
      );
      const began = performance.now();
      bgp.live.links.get("node2")!.cut("node2");
      await bgp.eventually("node1 forgets", () => !bgp.learned("node1").includes(two.podCIDR));
      console.log(
        `BIRD, BFD 200 ms x 3: withdrawn at the other node after ${Math.round(performance.now() - began)} ms`,
      );
      expect(bgp.live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });
  },
);
