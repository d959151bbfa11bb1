import { describe, expect, it } from "vitest";
import { parseAddress, type RoutePlan, type Routing } from "@netloom/core";
import { IpcacheFlag } from "@netloom/core/backend";
import { memoryStore } from "@netloom/core/memory";
import { testNode, type TestNode } from "../support/cluster.ts";

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
