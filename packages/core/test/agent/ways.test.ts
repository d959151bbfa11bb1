import { describe, expect, it } from "vitest";
import { parseAddress, type NodeInterface, type RoutePlan, type Routing } from "@netloom/core";
import { IpcacheFlag, routeTableOf } from "@netloom/core/backend";
import { memoryStore } from "@netloom/core/memory";
import { rangeIpam, testNode, type TestNode } from "../support/cluster.ts";

type Way = "natively" | "by tunnel" | "not at all";

/** Reaches every other node as it is told at the time. */
function toldRouting(way: () => Way): Routing {
  const nothing: RoutePlan = {
    overlay: undefined,
    podMtu: 1500,
    nodes: [],
    tunnels: [],
    native: [],
    routes: [],
    problems: [],
  };
  return {
    name: "told",
    start: async () => {},
    overhead: () => 0,
    plan(_local, remotes) {
      if (way() === "not at all") return nothing;
      const natively = way() === "natively";
      const ranges = remotes.flatMap(({ name, addresses, podCIDRs }) =>
        podCIDRs.map((prefix) => ({ prefix, node: name, endpoint: addresses[0]! })),
      );
      return {
        ...nothing,
        nodes: remotes.map(({ name, addresses }) => ({
          node: name,
          tunnel: natively ? undefined : addresses[0],
        })),
        native: natively ? ranges.map(({ prefix, node }) => ({ prefix, node })) : [],
        tunnels: natively ? [] : ranges,
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function found({ datapath: { maps } }: TestNode, text: string): string {
  const address = parseAddress(text);
  const value = maps.ipcache.get({ address }) ?? maps.ipcachePrefixes.get({ prefixLength: 128, address });
  if (value === undefined) return "unknown";
  return (value.flags & IpcacheFlag.IPCACHE_NATIVE) === 0 ? value.tunnel.toString() : "native";
}

describe("the way to a node's pods", () => {
  it("is what the plan says, and changes with it: of pods, of their range, of the node among them", async () => {
    const store = memoryStore();
    let way: Way = "natively";
    const one = testNode(store, 1, { routing: toldRouting(() => way) });
    const two = testNode(store, 2);
    await one.agent.start();
    await two.agent.start();
    const { addresses, revision } = await two.agent.endpoints.create({ name: "default/web", labels: [] });
    await one.agent.settled(revision);
    const [router] = two.agent.describe().node.routers;
    const places = [addresses[0]!, router!, "10.1.2.99"];
    const ways = (): readonly string[] => places.map((place) => found(one, place));
    expect(ways()).toEqual(["native", "native", "native"]);
    /** A node that comes makes a plan due. */
    const replan = async (next: Way, index: number): Promise<void> => {
      way = next;
      const joining = testNode(store, index);
      await joining.agent.start();
      const { revision: joined } = await joining.agent.endpoints.create({ name: "default/new", labels: [] });
      await one.agent.settled(joined);
      await joining.agent.stop();
    };
    await replan("by tunnel", 3);
    expect(ways()).toEqual(["192.0.2.2", "192.0.2.2", "192.0.2.2"]);
    await replan("not at all", 4);
    expect(ways()).toEqual(["unknown", "::", "unknown"]);
    await replan("natively", 5);
    expect(ways()).toEqual(["native", "native", "native"]);
    expect(found(one, "192.0.2.2"), "the node itself").toBe("::");
    expect(found(one, "10.1.1.99"), "of this node").toBe("::");
    await one.agent.stop();
    await two.agent.stop();
  });
});

describe("the interface that a pod's address belongs to", () => {
  const one: NodeInterface = {
    mac: "02:00:5e:00:53:01",
    address: "10.0.0.50",
    gateway: "10.0.0.1",
    ranges: ["10.1.1.64/28"],
  };

  it("is told to the routing, and named by its table in the pod's entry, as long as the IPAM says so", async () => {
    let interfaces: readonly NodeInterface[] = [one];
    const seen: (readonly NodeInterface[] | undefined)[] = [];
    const routing: Routing = {
      ...toldRouting(() => "not at all"),
      plan(local, remotes, underlay) {
        seen.push(local.interfaces);
        const plan = toldRouting(() => "not at all").plan(local, remotes, underlay);
        return local.interfaces === undefined ? plan : { ...plan, interfaces: local.interfaces };
      },
    };
    const ipam = { ...rangeIpam("10.1.1.0/24"), interfaces: () => interfaces };
    const { agent, datapath } = testNode(memoryStore(), 1, { routing, ipam });
    await agent.start();
    const tables: number[] = [];
    const look = async (name: string, address: string): Promise<void> => {
      const options = { name, labels: [], addresses: [address] };
      await agent.settled((await agent.endpoints.create(options)).revision);
      tables.push(datapath.maps.endpoints.get({ address: parseAddress(address) })!.table);
    };
    await look("default/there", "10.1.1.70");
    await look("default/by-the-uplink", "10.1.1.80");
    expect(tables).toEqual([routeTableOf(one), 0]);
    expect(datapath.plan?.interfaces).toEqual([one]);
    // The ranges are the same: no fact says that something has changed.
    interfaces = [];
    ipam.events.emit("ranges:changed", ipam.ranges());
    await expect.poll(() => datapath.plan?.interfaces).toBeUndefined();
    await look("default/there-too", "10.1.1.71");
    expect(tables.at(-1)).toBe(0);
    expect(datapath.maps.endpoints.get({ address: parseAddress("10.1.1.70") })?.table).toBe(0);
    expect(seen).toContain(undefined);
    await agent.stop();
  });
});
