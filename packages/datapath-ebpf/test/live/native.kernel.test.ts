import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createAgent, type Datapath } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { whyNoLab } from "@netloom/lab";
import { readSysctl, Rtnl, writeSysctl } from "@netloom/netlink";
import { native } from "@netloom/routing-native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, WORLD, type LiveNode, type LivePod } from "./cluster.ts";
import { serve, startPeer, tries } from "./peers.ts";

const SIZE = 2 ** 28;
const VIP = "10.96.0.10";
/** Knows the way back to pods, as {@link WORLD} does; that one is in a range that says so. */
const STRANGER = "192.168.50.230";
const NATIVE_RANGE = "192.168.50.192/27";
const FORWARDING = "net/ipv4/conf/netloom_host/forwarding";

describe.skipIf(whyNoLab("native routing in the kernel's datapath") !== undefined)(
  "pods on two nodes without a tunnel",
  () => {
    let live: LiveCluster;
    let one: LiveNode;
    let two: LiveNode;
    let client: LivePod;
    let far: LivePod;
    let node: Rtnl;

    beforeAll(async () => {
      live = await LiveCluster.start("native", 2, {}, [], {
        routing: () => native({ nativeCidr: NATIVE_RANGE }),
      });
      [one, two] = live.nodes as [LiveNode, LiveNode];
      client = await live.pod("client", one, "client");
      await live.pod("intruder", one, "intruder");
      far = await live.pod("far", two, "web");
      await live.pod("near", one, "web");
      node = Rtnl.open({ netns: live.lab.namespace("node1") });
      live.lab.defer(() => node.close());
      using world = Rtnl.open({ netns: live.lab.namespace("world") });
      world.addresses.add({ device: "eth0", address: `${STRANGER}/24` });
    });

    afterAll(() => live[Symbol.asyncDispose]());

    const directRoute = () =>
      node.routes.list({ family: 4, protocol: 110 }).find(({ to }) => to === two.podCIDR);

    it("have no tunnel device, and packets as large as the uplink's", () => {
      expect(node.links.find("netloom_vxlan")).toBeUndefined();
      expect(one.agent.describe().podMtu).toBe(1500);
      expect(directRoute()).toMatchObject({ via: two.address, source: "10.244.1.1" });
    });

    it("carry a stream of TCP unharmed, in segments that fill the MTU", async () => {
      const sink = await serve(live, "far", "tcp-sink", 5000);
      const before = uplinkCounters();
      const source = startPeer(live, "client", "tcp-source", far.address, 5000, SIZE);
      const received = await sink.next(({ bytes }) => bytes !== undefined);
      const [sent] = await source.ended;
      expect(received).toEqual({ bytes: SIZE, digest: sent!["digest"] });
      const wire = uplinkCounters();
      expect(Number(wire.bytes - before.bytes)).toBeLessThan(SIZE * (1514 / 1448) * 1.02);
      expect(wire.fragments - before.fragments).toBe(0n);
      await sink.kill();
    });

    it("answer ICMP and UDP echo at exactly the MTU, and in fragments beyond", async () => {
      const echo = await serve(live, "far", "udp-echo", 7);
      for (const bytes of [1, 1472, 4000]) {
        const [answer] = await startPeer(live, "client", "udp-ask", far.address, 7, bytes, 2000).ended;
        expect(answer).toEqual({ bytes });
      }
      await echo.kill();
      for (const bytes of [8, 1472]) expect(await ping("client", far.address, bytes)).toBe(0);
      expect(await ping("client", far.address, 1473)).not.toBe(0);
    });

    it("speak under their own addresses, on the wire as in the other's eyes", async () => {
      const server = await serve(live, "far", "tcp-lines", 8081);
      const seen = await onTheWire("node2", "tcp port 8081 or udp port 8472", async () => {
        expect(await tries(live, "client", far.address, 8081)).toMatchObject({ connected: true });
      });
      expect(seen).toContain(`${client.address};${far.address}`);
      expect(seen).toContain(`${far.address};${client.address}`);
      expect(new Set(seen).size).toBe(2);
      const talk = startPeer(live, "client", "tcp-talk", far.address, 8081, 5);
      await talk.next(({ answer }) => answer !== undefined);
      expect((await server.first(({ from }) => from !== undefined))["from"]).toContain(client.address);
      await talk.kill();
      await server.kill();
      const flow = await live.flow(
        ({ hook, destination, source }) =>
          hook === "from-netdev" && source.address === client.address && destination.port === 8081,
      );
      expect(flow).toMatchObject({
        node: "node2",
        outcome: "to-endpoint",
        source: { endpoint: "default/client", identity: client.endpoint.identity },
      });
    });

    it("are masqueraded towards the world, and not towards what knows the way back", async () => {
      const world = await serve(live, "world", "tcp-lines", 80);
      for (const [address, as] of [
        [STRANGER, one.address],
        [WORLD, client.address],
      ] as const) {
        const said = world.said.length;
        const talk = startPeer(live, "client", "tcp-talk", address, 80, 5);
        await talk.next(({ answer }) => answer !== undefined);
        await talk.kill();
        const sources = world.said.slice(said).map(({ from }) => String(from).replace("::ffff:", ""));
        expect(new Set(sources)).toEqual(new Set([as]));
      }
      await world.kill();
    });

    it("and the nodes' own stacks reach each other", async () => {
      const answers = [
        await ping("node1", far.address, 1472),
        await ping("client", "10.244.2.1", 1472),
        await ping("client", "10.244.1.1", 8),
        await ping("client", two.address, 8),
        await ping("node2", client.address, 8),
      ];
      expect(answers).toEqual([0, 0, 0, 0, 0]);
    });

    it("share a service between them", async () => {
      const servers = await Promise.all(["near", "far"].map((pod) => serve(live, pod, "tcp-lines", 8080)));
      const revision = await live.cluster.services.apply({
        name: "default/web",
        addresses: [VIP],
        ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
        backends: { selector: { matchLabels: { app: "web" } } },
      });
      await live.cluster.settled(revision);
      for (let index = 0; index < 16; index++) {
        const talk = startPeer(live, "client", "tcp-talk", VIP, 80, 5);
        await talk.next(({ answer }) => answer !== undefined);
        await talk.kill();
      }
      for (const { said } of servers) {
        expect(said.some(({ from }) => String(from).includes(client.address))).toBe(true);
      }
      for (const server of servers) await server.kill();
    });

    it("are told apart by policy", async () => {
      const server = await serve(live, "far", "tcp-lines", 8080);
      const policy = {
        name: "default/web",
        subject: { matchLabels: { app: "web" } },
        ingress: [{ peers: [{ selector: { matchLabels: { app: "client" } } }] }],
      };
      await live.cluster.settled(await live.cluster.policies.apply(policy));
      expect(await tries(live, "client", far.address, 8080)).toMatchObject({ connected: true });
      expect(await tries(live, "intruder", far.address, 8080)).toEqual({ error: "timeout" });
      expect(await tries(live, "world", far.address, 8080)).toEqual({ error: "timeout" });
      const drop = await live.flow(
        ({ outcome, source }) => outcome === "dropped" && source.endpoint === "default/intruder",
      );
      expect(drop).toMatchObject({ node: "node2", hook: "from-netdev", reason: "policy-denied" });
      await live.cluster.settled((await live.cluster.policies.remove("default/web"))!);
      await server.kill();
    });

    it("speak on while each node's agent is replaced, over the route that is there", async () => {
      const server = await serve(live, "far", "tcp-lines", 8082);
      const talk = startPeer(live, "client", "tcp-talk", far.address, 8082, 2);
      await talk.next(({ answer }) => answer !== undefined);
      const events = node.subscribe(["route"]);
      for (const each of [one, two]) {
        await each.agent.stop();
        await talk.next(({ answer }) => answer !== undefined);
        await live.replaceAgent(each).start();
        live.follow(each);
        await talk.next(({ answer }) => answer !== undefined);
      }
      node.routes.add({ to: "198.51.100.99/32", device: "lo" });
      const changed: string[] = [];
      for await (const event of events) {
        if (!("route" in event)) continue;
        if (event.route.to === "198.51.100.99/32") break;
        changed.push(event.route.to);
      }
      node.routes.delete({ to: "198.51.100.99/32", device: "lo" });
      expect(changed).not.toContain(two.podCIDR);
      const answers = talk.said.flatMap(({ answer }) => (typeof answer === "string" ? [answer] : []));
      expect(answers).toEqual(answers.map((_, index) => `line ${index}`));
      await talk.kill();
      await server.kill();
    });

    describe("where somebody meddles", () => {
      const wide = () => ({ to: two.podCIDR, via: two.address, device: "eth0", protocol: 110 });
      const audit = async () => (await one.agent.audit()).map(({ what, problem }) => ({ what, problem }));

      it("drop and tell what no route is for, until the audit has brought the route back", async () => {
        node.routes.delete(directRoute()!);
        expect(await ping("client", far.address, 8)).not.toBe(0);
        const drop = await live.flow(({ reason }) => reason === "no-route");
        expect(drop).toMatchObject({
          node: "node1",
          hook: "from-container",
          destination: { endpoint: "default/far" },
        });
        expect(await audit()).toEqual([{ what: "route", problem: "missing" }]);
        expect(await ping("client", far.address, 8)).toBe(0);
        expect(await one.agent.audit()).toEqual([]);
      });

      it("drop and tell what is too long for the uplink", async () => {
        node.links.set("eth0", { mtu: 1300 });
        expect(await ping("client", far.address, 1272)).toBe(0);
        expect(await ping("client", far.address, 1273)).not.toBe(0);
        await live.flow(({ reason, node: at }) => reason === "frag-needed" && at === "node1");
        node.links.set("eth0", { mtu: 1500 });
        expect(await ping("client", far.address, 1472)).toBe(0);
      });

      it("get back a route that leads astray, and the right to look for one", async () => {
        node.routes.replace({ ...wide(), via: STRANGER });
        writeSysctl(live.lab.namespace("node1"), FORWARDING, 0);
        expect(await audit()).toEqual([
          { what: "device", problem: "changed" },
          { what: "route", problem: "changed" },
        ]);
        expect(readSysctl(live.lab.namespace("node1"), FORWARDING)).toBe("1");
        expect(await ping("client", far.address, 8)).toBe(0);
      });

      it("reach each other still where the look-up is forbidden", async () => {
        writeSysctl(live.lab.namespace("node1"), FORWARDING, 0);
        expect(await ping("client", far.address, 1472)).toBe(0);
        expect(await audit()).toEqual([{ what: "device", problem: "changed" }]);
      });

      it("leave a route of somebody else alone, and take its place when it has gone", async () => {
        node.routes.delete(directRoute()!);
        const foreign = { ...wide(), protocol: "static" } as const;
        node.routes.add(foreign);
        expect(await one.agent.audit()).toEqual([]);
        expect(directRoute()).toBeUndefined();
        expect(await ping("client", far.address, 8)).toBe(0);
        node.routes.delete(foreign);
        expect(await audit()).toEqual([{ what: "route", problem: "missing" }]);
        expect(directRoute()).toMatchObject({ via: two.address });
      });
    });

    it("leave no agent with an error", () => {
      expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });

    it("leave no route and no device where the datapath has been uninstalled", async () => {
      const store = memoryStore();
      const agentOf = (number: number, datapath: Datapath) =>
        createAgent({
          node: {
            name: `node${number}`,
            addresses: [`192.168.50.${number}`],
            podCIDRs: [`10.244.${number}.0/24`],
          },
          ...{ store, ipam: hostScope(), routing: native(), datapath },
        });
      await using neighbour = agentOf(8, memoryDatapath());
      const netns = live.lab.namespace("node9").name;
      await using agent = agentOf(9, ebpf({ netns, bpffs: live.lab.bpffs }));
      using rtnl = Rtnl.open({ netns: live.lab.namespace("node9") });
      rtnl.links.create({ kind: "veth", name: "eth0", up: true, peer: { name: "end", up: true } });
      rtnl.addresses.add({ device: "eth0", address: "192.168.50.9/24" });
      const names = (): unknown => [
        rtnl.links.list().map(({ name }) => name),
        rtnl.routes.list({ family: 4, table: "all" }).map(({ to }) => to),
      ];
      const before = names();
      await agent.start();
      await neighbour.start();
      const { revision } = await neighbour.endpoints.create({ name: "default/there", labels: [] });
      await agent.settled(revision);
      expect(rtnl.routes.list({ family: 4, protocol: 110 })).toMatchObject([
        { to: "10.244.8.0/24", via: "192.168.50.8" },
      ]);
      await agent.uninstall();
      expect(names()).toEqual(before);
    });

    /** Source and destination of what passes a node's uplink while something happens. */
    async function onTheWire(
      at: string,
      filter: string,
      act: () => Promise<void>,
    ): Promise<readonly string[]> {
      const fields = ["-T", "fields", "-E", "separator=;", "-e", "ip.src", "-e", "ip.dst"];
      const args = ["-i", "eth0", "-l", "-n", "-Q", "-f", filter, "-d", "udp.port==8472,vxlan", ...fields];
      const shark = live.lab.spawn(at, "tshark", args, { stdio: ["ignore", "pipe", "ignore"] });
      let text = "";
      shark.stdout!.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      // It says nothing of when it begins.
      for (let attempt = 0; attempt < 30 && !/\n.*\n/.test(text); attempt++) {
        await act();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      shark.kill("SIGTERM");
      await once(shark, "close");
      return text.trim().split("\n");
    }

    /** Exit code of ping(8), with the Don't Fragment bit. */
    async function ping(from: string, to: string, bytes: number): Promise<number | null> {
      const args = ["-c", "1", "-W", "1", "-M", "do", "-s", String(bytes), to];
      return (await live.lab.namespace(from).exec("ping", args)).code;
    }

    function uplinkCounters(): { readonly bytes: bigint; readonly fragments: bigint } {
      return live.lab.namespace("node1").run(() => {
        const devices = readFileSync("/proc/thread-self/net/dev", "utf8");
        const sent = /eth0:\s*(?:\d+\s+){8}(\d+)/.exec(devices)?.[1] ?? "0";
        const [names, values] = readFileSync("/proc/thread-self/net/snmp", "utf8")
          .match(/^Ip:.*$/gm)!
          .map((row) => row.split(" "));
        return { bytes: BigInt(sent), fragments: BigInt(values![names!.indexOf("FragCreates")] ?? 0) };
      });
    }
  },
);
