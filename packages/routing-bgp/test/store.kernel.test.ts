import { createAgent, type Agent, type Json, type Store } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { hostScope } from "@netloom/ipam-host-scope";
import { Lab, makeSegment, whyNoLab } from "@netloom/lab";
import { startFrr, waitFor, type Router, type RouterRoute } from "@netloom/lab/routers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  bgp,
  kernelRouteTable,
  localDriver,
  systemSpeakers,
  type BgpAdvertisement,
  type BgpClusterConfig,
  type BgpNodeOverride,
  type BgpPeerConfig,
  type BgpRouting,
} from "../src/index.ts";

const PREFIX = "netloom/default/v1/backends/bgp/";
const ROUTER = "10.9.0.254";
const PASSWORD = "rosebud";

interface Kinds {
  readonly "cluster-configs": BgpClusterConfig;
  readonly "peer-configs": BgpPeerConfig;
  readonly advertisements: BgpAdvertisement;
  readonly "node-overrides": BgpNodeOverride;
}

function clusterConfig(rack: string, asn: number, peerConfigRef: string): BgpClusterConfig {
  return {
    name: rack,
    nodeSelector: { matchLabels: { rack } },
    instances: [
      {
        name: "main",
        localAsn: asn,
        peers: [{ name: "tor", peerAsn: 65_000, peerAddress: ROUTER, peerConfigRef }],
      },
    ],
  };
}

const peerConfig = (name: string, more: Partial<BgpPeerConfig> = {}): BgpPeerConfig => ({
  name,
  timers: { connectRetry: 1 },
  families: [
    {
      family: "ipv4-unicast",
      advertisements: { matchLabels: { to: "fabric" } },
      import: { statements: [{ action: "accept" }] },
    },
  ],
  ...more,
});

const PODS: BgpAdvertisement = {
  name: "pods",
  labels: { to: "fabric" },
  advertisements: [
    {
      type: "PodCIDR",
      attributes: { communities: { standard: ["65000:100"], large: ["65000:1:2"] }, med: 10 },
    },
  ],
};

const SERVICES: BgpAdvertisement = {
  name: "services",
  labels: { to: "fabric" },
  advertisements: [
    {
      type: "Service",
      selector: { matchLabels: { public: "yes" } },
      service: { addresses: ["LoadBalancerIP"], aggregationLengthIPv4: 28 },
      attributes: { communities: { wellKnown: ["no-export"] } },
    },
  ],
};

describe.skipIf(whyNoLab("BGP as the store says") !== undefined)(
  "two nodes that read their BGP from the store, and FRR",
  () => {
    let lab: Lab;
    let router: Router;
    const store: Store = memoryStore();
    const agents: Agent[] = [];
    const routings: BgpRouting[] = [];
    const errors: unknown[] = [];
    const resets: string[] = [];

    beforeAll(async () => {
      lab = new Lab("bgp-store");
      const hosts = [1, 2].map((number) => ({ name: `node${number}`, addresses: [`10.9.0.${number}/24`] }));
      makeSegment(lab, [...hosts, { name: "router", addresses: [`${ROUTER}/24`] }]);
      router = await startFrr(lab, "router", {
        asn: 65_000,
        routerId: ROUTER,
        announce: [{ prefix: "203.0.113.0/24" }],
        neighbours: [
          { address: "10.9.0.1", asn: 65_001, password: PASSWORD },
          { address: "10.9.0.2", asn: 65_102 },
        ],
      });
      await put("cluster-configs", clusterConfig("r1", 65_001, "guarded"));
      await put("cluster-configs", clusterConfig("r2", 65_002, "plain"));
      await put("peer-configs", peerConfig("guarded", { authSecretRef: "tor" }));
      await put("advertisements", PODS);
      await put("advertisements", SERVICES);
      await put("node-overrides", {
        name: "node2",
        instances: [{ name: "main", localAsn: 65_102, routerId: "10.9.9.2" }],
      });
      for (const number of [1, 2]) await start(number);
    });

    afterAll(async () => {
      for (const agent of agents) await agent.stop();
      await lab[Symbol.asyncDispose]();
    });

    async function start(number: number): Promise<void> {
      const name = `node${number}`;
      const netns = `/run/netns/${lab.namespace(name).name}`;
      const routing = bgp({
        resources: true,
        driver: () => localDriver(systemSpeakers({ netns }), { table: kernelRouteTable({ netns }) }),
      });
      routing.events.on("config:applied", (instance, { reset }) => {
        resets.push(...reset.map(({ peer, because }) => `${name} ${instance}/${peer}: ${because}`));
      });
      const agent = createAgent({
        node: {
          name,
          addresses: [`10.9.0.${number}`],
          podCIDRs: [`10.244.${number}.0/24`],
          labels: { rack: `r${number}` },
        },
        store,
        ipam: hostScope(),
        routing,
        datapath: memoryDatapath(),
      });
      agent.events.on("error", (error) => errors.push(error));
      agents.push(agent);
      routings.push(routing);
      await agent.start();
    }

    async function put<Kind extends keyof Kinds>(kind: Kind, resource: Kinds[Kind]): Promise<void> {
      await write(`config/${kind}/${resource.name}`, resource as unknown as Json);
    }

    async function write(key: string, value: Json): Promise<void> {
      const known = await store.get(PREFIX + key);
      if (known === undefined) await store.create(PREFIX + key, value);
      else await store.update(PREFIX + key, value, { revision: known.revision });
    }

    const eventually = <T>(what: string, ask: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> =>
      waitFor(what, ask, { routers: [router] });

    const route = async (prefix: string, from: string): Promise<RouterRoute | undefined> =>
      (await router.routes()).find((each) => each.prefix === prefix && each.from === from);

    async function established(number: number): Promise<number> {
      const answer = await router.ask(`show bgp neighbors 10.9.0.${number} json`);
      const known = JSON.parse(answer) as Readonly<Record<string, { connectionsEstablished: number }>>;
      return known[`10.9.0.${number}`]!.connectionsEstablished;
    }

    /** What a node has written of itself. */
    async function status(node: string): Promise<{
      readonly conditions: readonly { readonly type: string; readonly subject: string }[];
      readonly instances: readonly { readonly peers: readonly { readonly state: string }[] }[];
    }> {
      return ((await store.get(`${PREFIX}status/${node}`))?.value ?? {}) as never;
    }

    const conditions = async (node: string): Promise<readonly string[]> =>
      ((await status(node)).conditions ?? []).map(({ type, subject }) => `${type} ${subject}`);

    it("say what is missing", async () => {
      await eventually("both conditions", async () => {
        const all = [...(await conditions("node1")), ...(await conditions("node2"))];
        return all.join() === "MissingAuthSecret main/tor,MissingPeerConfigs main/tor";
      });
      expect((await router.neighbours()).map(({ state }) => state)).not.toContain("established");
    });

    it("open their sessions when it is there, each as its rack and its override say", async () => {
      await write("config/secrets/tor", PASSWORD);
      await put("peer-configs", peerConfig("plain"));
      await eventually(
        "pods of both",
        async () =>
          ((await route("10.244.1.0/24", "10.9.0.1")) && (await route("10.244.2.0/24", "10.9.0.2"))) !==
          undefined,
      );
      expect(await route("10.244.1.0/24", "10.9.0.1")).toMatchObject({
        asPath: "65001",
        communities: ["65000:100"],
        largeCommunities: ["65000:1:2"],
        med: 10,
        nextHop: "10.9.0.1",
      });
      expect((await route("10.244.2.0/24", "10.9.0.2"))?.asPath).toBe("65102");
      const neighbour = await router.ask("show bgp neighbors 10.9.0.2");
      expect(neighbour).toContain("remote router ID 10.9.9.2");
    });

    it("write how they are into the store", async () => {
      await eventually("no condition, two sessions", async () => {
        const all = [await status("node1"), await status("node2")];
        return all.every(
          (one) => one.conditions.length === 0 && one.instances[0]?.peers[0]?.state === "established",
        );
      });
      expect((await store.get(`${PREFIX}status/node2`))?.value).toMatchObject({
        node: "node2",
        instances: [
          {
            name: "main",
            asn: 65_102,
            routerId: "10.9.9.2",
            advertised: 1,
            peers: [{ name: "tor", address: ROUTER, asn: 65_000, holdTime: 90 }],
          },
        ],
      });
    });

    it("tell of services that are selected, as aggregates, and of no others", async () => {
      const apply = (name: string, address: string, labels: Record<string, string>) =>
        agents[0]!.cluster.services.apply({
          name,
          labels,
          addresses: [`10.96.0.${address.split(".")[3]}`],
          loadBalancerAddresses: [address],
          ports: [{ port: 80 }],
          backends: [{ address: "10.244.1.7" }],
        });
      await apply("default/web", "198.51.100.17", { public: "yes" });
      await apply("default/inner", "198.51.100.77", {});
      await eventually("the aggregate", () => route("198.51.100.16/28", "10.9.0.1"));
      expect((await route("198.51.100.16/28", "10.9.0.2"))?.communities).toEqual(["65535:65281"]);
      const prefixes = (await router.routes()).map(({ prefix }) => prefix);
      expect(new Set(prefixes)).toEqual(
        new Set(["203.0.113.0/24", "10.244.1.0/24", "10.244.2.0/24", "198.51.100.16/28"]),
      );
    });

    it("change routes without a new session where the change needs none", async () => {
      const before = [await established(1), await established(2)];
      await put("advertisements", {
        ...PODS,
        advertisements: [{ type: "PodCIDR", attributes: { communities: { standard: ["65000:200"] } } }],
      });
      await eventually("the other community", async () =>
        (await route("10.244.1.0/24", "10.9.0.1"))?.communities.includes("65000:200"),
      );
      await put("node-overrides", {
        name: "node2",
        draining: true,
        instances: [{ name: "main", localAsn: 65_102, routerId: "10.9.9.2" }],
      });
      await eventually(
        "node2's services are taken back",
        async () => (await route("198.51.100.16/28", "10.9.0.2")) === undefined,
      );
      expect(await route("10.244.2.0/24", "10.9.0.2")).toBeDefined();
      await store.delete(`${PREFIX}config/advertisements/services`);
      await eventually(
        "node1's are, too",
        async () => (await route("198.51.100.16/28", "10.9.0.1")) === undefined,
      );
      expect([await established(1), await established(2)]).toEqual(before);
      expect(resets).toEqual([]);
    });

    it("open a session anew where it is needed, and only there", async () => {
      const other = await established(2);
      await put(
        "peer-configs",
        peerConfig("guarded", { authSecretRef: "tor", timers: { connectRetry: 1, hold: 30 } }),
      );
      await eventually(
        "the other hold time",
        async () => (await router.neighbours()).find(({ address }) => address === "10.9.0.1")?.hold === 30,
      );
      expect(resets).toHaveLength(1);
      expect(resets[0]).toMatch(/^node1 main\/tor: /);
      expect(await established(2)).toBe(other);
    });

    it("keep what they were told where a resource cannot be read, and say so", async () => {
      const before = await established(2);
      await write("config/peer-configs/plain", { name: "plain", timers: { hold: "soon" } });
      await eventually("an error", () => errors.length > 0);
      expect(String(errors[0])).toContain("peer-configs/plain");
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await established(2)).toBe(before);
      expect(await route("10.244.2.0/24", "10.9.0.2")).toBeDefined();
      errors.splice(0);
    });

    it("say goodbye where their rack is configured no more", async () => {
      await store.delete(`${PREFIX}config/cluster-configs/r2`);
      await eventually("node2 is gone", async () => (await route("10.244.2.0/24", "10.9.0.2")) === undefined);
      await eventually(
        "its condition",
        async () => (await conditions("node2")).join() === "NoMatchingNode node2",
      );
      expect(await route("10.244.1.0/24", "10.9.0.1")).toBeDefined();
      expect(errors).toEqual([]);
    });
  },
);
