import { createAgent, type Agent, type Ipam, type NodeInterface } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { Lab, whyNoLab } from "@netloom/lab";
import { Rtnl, writeSysctl } from "@netloom/netlink";
import { native } from "@netloom/routing-native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve, startPeer } from "./peers.ts";
import { Vpc, type VpcInterface } from "./vpc.ts";

/** Of the network, which knows the way back to pods, and of the world. */
const PEER = "10.0.9.9";
const WORLD = "203.0.113.9";
const NODE = "10.0.0.10";

const of = (device: string, address: string, gateway: string, range: string): VpcInterface => ({
  ...{ machine: "node", device, address, gateway, ranges: [range] },
  mac: `02:00:5e:00:53:0${device.slice(-1)}`,
  pods: [range.replace(/\d+\/28$/, (tail) => String(Number.parseInt(tail, 10) + 5))],
});

const first = of("eth0", NODE, "10.0.0.1", "10.0.0.16/28");
const sameSubnet = of("eth1", "10.0.0.50", "10.0.0.1", "10.0.0.64/28");
const otherSubnet = of("eth2", "10.0.1.50", "10.0.1.1", "10.0.1.64/28");
const all = [first, sameSubnet, otherSubnet];
const podOn = ({ pods }: VpcInterface): string => pods[0]!;

/** Of pods, by the device that their addresses belong to. */
const nameOn = ({ device }: VpcInterface): string => `on-${device}`;

describe.skipIf(whyNoLab("interfaces of pods in the kernel's datapath") !== undefined)(
  "pods whose addresses belong to interfaces of their own",
  () => {
    const lab = new Lab("interfaces");
    const store = memoryStore();
    const errors: unknown[] = [];
    let vpc: Vpc;
    let node: Rtnl;
    let agent: Agent;
    let ipam: Ipam;
    let interfaces: readonly NodeInterface[] = [];

    const makeAgent = (): void => {
      ipam = Object.assign(hostScope(), { interfaces: () => interfaces });
      agent = createAgent({
        node: { name: "node", addresses: [NODE], podCIDRs: all.flatMap(({ ranges }) => ranges) },
        ...{ store, ipam },
        routing: native({ directRoutes: false, nativeCidr: "10.0.0.0/16" }),
        datapath: ebpf({ netns: lab.namespace("node").name, bpffs: lab.bpffs }),
      });
      agent.events.on("error", (error) => errors.push(error));
    };

    /** The cloud has attached these to the node, and the IPAM knows. Resolves when the node has done what follows. */
    const attached = async (...now: readonly VpcInterface[]): Promise<void> => {
      interfaces = now;
      ipam.events.emit("ranges:changed", ipam.ranges());
      const nobodys = { name: "default/turn", subject: { matchLabels: { app: "nobody" } }, ingress: [] };
      await agent.settled(await agent.cluster.policies.apply(nobodys));
      await agent.settled((await agent.cluster.policies.remove(nobodys.name))!);
    };

    const ping = async (from: string, to: string, ...more: readonly string[]): Promise<boolean> =>
      (await lab.namespace(from).exec("ping", ["-c", "1", "-W", "1", ...more, to])).code === 0;

    /** The address that a server sees of a pod that connects to it. */
    const seenOf = async (pod: string, server: string, address: string): Promise<string> => {
      const lines = await serve({ lab }, server, "tcp-lines", 80);
      const talk = startPeer({ lab }, pod, "tcp-talk", address, 80, 5);
      await talk.next(({ answer }) => answer !== undefined);
      await talk.kill();
      await lines.kill();
      return String(lines.said.find(({ from }) => from !== undefined)!["from"]).replace("::ffff:", "");
    };

    const ours = (): unknown => ({
      rules: node.rules.list({ family: 4 }).filter(({ protocol }) => protocol === 110).length,
      routes: node.routes
        .list({ family: 4, table: "all", protocol: 110 })
        .filter(({ table }) => table !== 254).length,
      addresses: node.addresses.list({ family: 4 }).filter(({ protocol }) => protocol === 110).length,
    });

    beforeAll(async () => {
      vpc = new Vpc(lab);
      vpc.host("peer", PEER, "10.0.9.1");
      vpc.host("world", WORLD, "203.0.113.1");
      const netns = lab.namespace("node");
      for (const scope of ["all", "default"]) writeSysctl(netns, `net.ipv4.conf.${scope}.rp_filter`, 1);
      for (const one of [first, sameSubnet]) vpc.attach(one);
      node = Rtnl.open({ netns });
      lab.defer(() => node.close());
      node.links.set("eth0", { up: true });
      node.addresses.add({ device: "eth0", address: `${NODE}/24` });
      node.routes.add({ to: "0.0.0.0/0", via: "10.0.0.1" });
      makeAgent();
      await agent.start();
      lab.defer(() => agent.uninstall());
      for (const one of all) {
        const { revision } = await agent.endpoints.create({
          name: `default/${nameOn(one)}`,
          labels: [`k8s:app=${nameOn(one)}`],
          netns: lab.namespace(nameOn(one)).name,
          addresses: [podOn(one)],
        });
        await agent.settled(revision);
      }
    });

    afterAll(() => lab[Symbol.asyncDispose]());

    it("reach nobody by the uplink: the network drops what is from another's address", async () => {
      expect(await ping(nameOn(first), PEER)).toBe(true);
      expect(await ping(nameOn(sameSubnet), PEER)).toBe(false);
    });

    it("reach the network by their interface, and are reached, under their own addresses", async () => {
      await attached(sameSubnet);
      for (const one of [first, sameSubnet]) {
        expect(await seenOf(nameOn(one), "peer", PEER), one.device).toBe(podOn(one));
        expect(await seenOf("peer", nameOn(one), podOn(one)), one.device).toBe(PEER);
      }
      expect(ours()).toEqual({ rules: 1, routes: 1, addresses: 1 });
    });

    it("do so too when the device comes after the news of it, set up by whoever else the machine has", async () => {
      await attached(sameSubnet, otherSubnet);
      expect(await ping(nameOn(otherSubnet), PEER)).toBe(false);
      vpc.attach(otherSubnet);
      node.links.set("eth2", { up: true });
      await expect.poll(() => ping(nameOn(otherSubnet), PEER), { timeout: 5000 }).toBe(true);
      // As a DHCP client does, somewhat later.
      node.addresses.replace({ device: "eth2", address: "10.0.1.50/24" });
      expect(await agent.audit()).not.toEqual([]);
      expect(await seenOf("peer", nameOn(otherSubnet), podOn(otherSubnet))).toBe(PEER);
      expect(node.routes.list({ family: 4, device: "eth2" })).toEqual([]);
      expect(await agent.audit()).toEqual([]);
    });

    it("are masqueraded towards the world as ever, which can reach them in turn", async () => {
      for (const one of all) {
        expect(await seenOf(nameOn(one), "world", WORLD), one.device).toBe(NODE);
        expect(await seenOf("world", nameOn(one), podOn(one)), one.device).toBe(WORLD);
      }
    });

    it("reach each other, and the node them, without leaving it", async () => {
      for (const from of all) {
        for (const to of all) expect(await seenOf(nameOn(from), nameOn(to), podOn(to))).toBe(podOn(from));
        expect(await ping("node", podOn(from))).toBe(true);
        expect(await ping(nameOn(from), NODE)).toBe(true);
      }
    });

    it("leave the node its own addresses: each is reached by its interface", async () => {
      for (const { address } of all) expect(await ping("peer", address), address).toBe(true);
      expect(await ping("node", PEER)).toBe(true);
      expect(await ping("node", PEER, "-I", sameSubnet.address)).toBe(true);
    });

    it("speak on while the agent is away, and with the one that comes after it", async () => {
      const server = await serve({ lab }, "peer", "tcp-lines", 81);
      const talks = all.map((one) => startPeer({ lab }, nameOn(one), "tcp-talk", PEER, 81, 5));
      const heard = (): Promise<unknown> =>
        Promise.all(talks.map((talk) => talk.next(({ answer }) => answer !== undefined)));
      await heard();
      const before = ours();
      await agent.stop();
      expect(ours()).toEqual(before);
      await heard();
      makeAgent();
      await agent.start();
      await heard();
      expect(ours()).toEqual(before);
      for (const talk of talks) {
        const answers = talk.said.flatMap(({ answer }) => (typeof answer === "string" ? [answer] : []));
        expect(answers).toEqual(answers.map((_, index) => `line ${index}`));
        await talk.kill();
      }
      await server.kill();
    });

    it("get back what somebody else has changed", async () => {
      const rule = node.rules.list({ family: 4 }).find(({ protocol }) => protocol === 110)!;
      node.rules.delete(rule);
      node.links.set("eth1", { up: false });
      expect(await ping(nameOn(sameSubnet), PEER)).toBe(false);
      const drifts = (await agent.audit()).map(({ what, problem }) => `${what} ${problem}`);
      expect(drifts.sort()).toEqual(["route missing", "rule missing"]);
      expect(await ping(nameOn(sameSubnet), PEER)).toBe(true);
      expect(await agent.audit()).toEqual([]);
    });

    it("have the same interface when it has come back as another device", async () => {
      vpc.detach(otherSubnet);
      vpc.attach(otherSubnet);
      await expect.poll(() => ping(nameOn(otherSubnet), PEER), { timeout: 5000 }).toBe(true);
    });

    it("leave nothing of an interface that is the node's no more", async () => {
      await agent.endpoints.delete(`default/${nameOn(otherSubnet)}`);
      await attached(sameSubnet);
      expect(ours()).toEqual({ rules: 1, routes: 1, addresses: 1 });
      expect(await ping(nameOn(sameSubnet), PEER)).toBe(true);
      await attached();
      expect(ours()).toEqual({ rules: 0, routes: 0, addresses: 0 });
      expect(await agent.audit()).toEqual([]);
      await attached(sameSubnet);
      expect(await ping(nameOn(sameSubnet), PEER)).toBe(true);
    });

    it("end with the datapath, without a trace and without an error", async () => {
      expect(errors).toEqual([]);
      await agent.uninstall();
      expect(ours()).toEqual({ rules: 0, routes: 0, addresses: 0 });
      expect(node.routes.list({ family: 4, table: "all", protocol: 110 })).toEqual([]);
    });
  },
);
