import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseAddress,
  parseCidr,
  type NodeInterface,
  type RoutedNode,
  type Routing,
  type Underlay,
} from "@netloom/core";
import { native, type NativeOptions } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";

const node = (index: number, changes: Partial<RoutedNode> = {}): RoutedNode => ({
  name: `node${index}`,
  addresses: [`192.0.2.${index}`],
  podCIDRs: [`10.244.${index}.0/24`],
  routers: [`10.244.${index}.1`],
  ...changes,
});

const nodeInterface = (index: number): NodeInterface => ({
  mac: `02:00:5e:00:53:0${index}`,
  address: `10.0.${index}.50`,
  gateway: `10.0.${index}.1`,
  ranges: [`10.0.${index}.64/28`],
});

/** Behind a router. */
const far = (index: number): RoutedNode => node(index, { addresses: [`198.51.100.${index}`] });

const underlay: Underlay = { mtu: 1500, family: 4, networks: ["192.0.2.0/24"] };

const code = (expected: string, text: string): Error =>
  expect.objectContaining({ code: expected, message: expect.stringContaining(text) as string }) as Error;

describe("native routing", () => {
  it("keeps a route to each neighbour, and leaves the others to the fabric", () => {
    const plan = native().plan(node(1), [far(3), node(2)], underlay);
    expect(plan).toEqual({
      overlay: undefined,
      podMtu: 1500,
      nodes: [
        { node: "node2", tunnel: undefined },
        { node: "node3", tunnel: undefined },
      ],
      tunnels: [],
      native: [
        { prefix: "10.244.2.0/24", node: "node2" },
        { prefix: "10.244.3.0/24", node: "node3" },
      ],
      routes: [{ prefix: "10.244.2.0/24", node: "node2", via: "192.0.2.2" }],
      problems: [],
    });
  });

  it("keeps no route where the fabric has them all", () => {
    const plan = native({ directRoutes: false }).plan(node(1), [node(2)], underlay);
    expect(plan.routes).toEqual([]);
    expect(plan.native).toEqual([{ prefix: "10.244.2.0/24", node: "node2" }]);
  });

  it("reaches each family by an address of it", () => {
    const dual = node(2, {
      addresses: ["192.0.2.2", "2001:db8::2"],
      podCIDRs: ["10.244.2.0/24", "fd00:2::/64"],
    });
    const networks = ["192.0.2.0/24", "2001:db8::/64"];
    expect(native().plan(node(1), [dual], { ...underlay, networks }).routes).toEqual([
      { prefix: "10.244.2.0/24", node: "node2", via: "192.0.2.2" },
      { prefix: "fd00:2::/64", node: "node2", via: "2001:db8::2" },
    ]);
    expect(native().plan(node(1), [dual], underlay).routes).toHaveLength(1);
  });

  it("names the ranges outside the cluster that know the way back, each once", () => {
    const nativeCidr = ["192.0.2.0/24", "10.0.0.0/8", "192.0.2.0/24", "2001:DB8::/32"];
    expect(native({ nativeCidr }).plan(node(1), [], underlay).native).toEqual([
      { prefix: "10.0.0.0/8", node: undefined },
      { prefix: "192.0.2.0/24", node: undefined },
      { prefix: "2001:db8::/32", node: undefined },
    ]);
  });

  it("hands on by which interfaces the node's own pods leave, in one form and order", () => {
    const [one, two] = [nodeInterface(1), nodeInterface(2)];
    const interfaces = [two, { ...one, mac: "02-00-5E-00-53-01", ranges: ["10.0.1.64/28", "fd00:1::/80"] }];
    expect(native().plan({ ...node(1), interfaces }, [], underlay).interfaces).toEqual([one, two]);
    expect(native().plan(node(1), [], underlay)).not.toHaveProperty("interfaces");
  });

  it("leaves out an interface that cannot be, and says why", () => {
    const wrong = [
      { ...nodeInterface(2), mac: "eth2" },
      { ...nodeInterface(3), gateway: "fd00::1" },
      { ...nodeInterface(4), mac: nodeInterface(1).mac },
      { ...nodeInterface(5), ranges: ["10.0.1.72/32"] },
    ];
    const interfaces = [nodeInterface(1), ...wrong];
    const plan = native().plan({ ...node(1), interfaces }, [node(2)], underlay);
    expect(plan.interfaces).toEqual([nodeInterface(1)]);
    expect(plan.routes).toHaveLength(1);
    expect(plan.problems).toEqual([
      code("ERR_NODE_INVALID", '"eth2" is not a MAC address'),
      code("ERR_NODE_INVALID", "fd00::1 is no IPv4 address"),
      code("ERR_NODE_INVALID", `has what the interface ${nodeInterface(1).mac} has`),
      code("ERR_NODE_INVALID", "10.0.5.50"),
    ]);
  });

  it("plans for the others when a node cannot be placed, cannot be read or overlaps, and says why", () => {
    const strangers = [
      node(2, { addresses: ["fd00::2"] }),
      node(3, { podCIDRs: ["10.244.1.128/25", "10.244.3.0/24"] }),
      node(4),
      node(5, { podCIDRs: ["10.244.4.0/23"] }),
      node(6, { podCIDRs: ["10.244.6.1/24"] }),
    ];
    const plan = native().plan(node(1), strangers, underlay);
    expect(plan.routes.map(({ prefix }) => prefix)).toEqual(["10.244.3.0/24", "10.244.4.0/24"]);
    expect(plan.nodes.map((way) => way.node)).toEqual(["node3", "node4", "node5", "node6"]);
    expect(plan.problems).toEqual([
      code("ERR_NODE_INVALID", "node node2 has no IPv4 address (fd00::2)"),
      code("ERR_NODE_INVALID", "node node6: 10.244.6.1/24 has host bits set"),
      code("ERR_IPAM_CONFLICT", "10.244.1.128/25 of node node3 overlaps 10.244.1.0/24 of node node1"),
      code("ERR_IPAM_CONFLICT", "10.244.4.0/23 of node node5 overlaps 10.244.4.0/24 of node node4"),
    ]);
  });

  it("refuses an uplink that carries less than IP needs", () => {
    expect(() => native().plan(node(1), [], { ...underlay, mtu: 575 })).toThrow(
      code("ERR_OPTIONS_INVALID", "raise the MTU of node1's uplink to 576 or more"),
    );
    expect(native().plan(node(1), [], { ...underlay, mtu: 576 }).podMtu).toBe(576);
  });
});

describe("native routing with a tunnel", () => {
  const hybrid = (): Routing => native({ tunnel: vxlan() });

  it("goes natively to neighbours, and by the tunnel to all others", () => {
    const plan = hybrid().plan(node(1), [far(3), node(2)], underlay);
    expect(plan.native).toEqual([{ prefix: "10.244.2.0/24", node: "node2" }]);
    expect(plan.routes).toEqual([{ prefix: "10.244.2.0/24", node: "node2", via: "192.0.2.2" }]);
    expect(plan.tunnels).toEqual([{ prefix: "10.244.3.0/24", node: "node3", endpoint: "198.51.100.3" }]);
    expect(plan.nodes).toEqual([
      { node: "node2", tunnel: undefined },
      { node: "node3", tunnel: "198.51.100.3" },
    ]);
  });

  it("leaves room for the tunnel in pods' packets, also before anybody is far", () => {
    const routing = hybrid();
    for (const others of [[], [node(2)], [far(3)]]) {
      expect(routing.plan(node(1), others, underlay)).toMatchObject({
        podMtu: 1450,
        overlay: { protocol: "vxlan", mtu: 1450 },
      });
    }
    expect([routing.overhead(4), routing.overhead(6)]).toEqual([50, 70]);
  });

  it("goes by the tunnel to a node that is a neighbour in one family alone", () => {
    const half = node(2, {
      addresses: ["192.0.2.2", "2001:db8:2::2"],
      podCIDRs: ["10.244.2.0/24", "fd00:2::/64"],
    });
    const networks = ["192.0.2.0/24", "2001:db8:1::/64"];
    const plan = hybrid().plan(node(1), [half], { ...underlay, networks });
    expect([plan.native, plan.routes]).toEqual([[], []]);
    expect(plan.tunnels.map(({ prefix }) => prefix)).toEqual(half.podCIDRs);
  });

  it("gives an address that a near and a far node claim to one of them", () => {
    const claim = { podCIDRs: ["10.244.9.0/24"] };
    const plan = hybrid().plan(node(1), [{ ...far(2), ...claim }, node(3, claim)], underlay);
    expect(plan.tunnels).toHaveLength(1);
    expect(plan.native).toEqual([]);
    expect(plan.problems).toEqual([code("ERR_IPAM_CONFLICT", "node3 overlaps 10.244.9.0/24 of node node2")]);
  });

  it("starts and disposes of the tunnel's routing with itself", async () => {
    const told: string[] = [];
    const tunnel: Routing = {
      name: "told",
      start: async () => void told.push("start"),
      overhead: () => 8,
      plan: (...question) => vxlan().plan(...question),
      [Symbol.asyncDispose]: async () => void told.push("dispose"),
    };
    const routing = native({ tunnel });
    await routing.start();
    await routing[Symbol.asyncDispose]();
    expect(told).toEqual(["start", "dispose"]);
  });

  it("splits any cluster: each range goes one way, and a route goes to a neighbour", () => {
    const octet = fc.integer({ min: 2, max: 254 });
    const anyNode = fc.record({ octet, isFar: fc.boolean(), ranges: fc.array(octet, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.uniqueArray(anyNode, { maxLength: 8, selector: (one) => one.octet }), (drawn) => {
        const remotes = drawn.map(({ octet: index, isFar, ranges }) => ({
          ...(isFar ? far(index) : node(index)),
          podCIDRs: [...new Set(ranges)].map((range) => `10.244.${range}.0/24`),
        }));
        const plan = hybrid().plan(node(1), remotes, underlay);
        const all = [...plan.native, ...plan.tunnels].map(({ prefix }) => prefix);
        expect(new Set(all).size).toBe(all.length);
        expect(new Set(all)).toEqual(new Set(remotes.flatMap(({ podCIDRs }) => podCIDRs)));
        for (const { via } of plan.routes)
          expect(parseCidr("192.0.2.0/24").contains(parseAddress(via))).toBe(true);
        expect(plan.routes.map(({ prefix }) => prefix)).toEqual(plan.native.map(({ prefix }) => prefix));
      }),
    );
  });
});

describe("options of native routing", () => {
  it.each<[unknown, string]>([
    [{ nativeCIDR: "10.0.0.0/8" }, "there is no option nativeCIDR; write nativeCidr, directRoutes, tunnel"],
    [{ nativeCidr: "10.0.0.1/8" }, "option nativeCidr: 10.0.0.1/8 has host bits set"],
    [{ nativeCidr: ["10.0.0.0/8", "data centre"] }, "option nativeCidr: "],
    [{ nativeCidr: 10 }, "option nativeCidr: "],
    [{ nativeCidr: [undefined] }, "option nativeCidr: "],
    [{ directRoutes: "no" }, "option directRoutes no is no answer; write true or false"],
    [{ tunnel: native() }, "option tunnel encapsulates nothing; give a routing with a tunnel"],
    [{ tunnel: "vxlan" }, "option tunnel encapsulates nothing"],
    [{ tunnel: {} }, "option tunnel encapsulates nothing"],
  ])("%j are refused", (options, text) => {
    expect(() => native(options as NativeOptions)).toThrow(code("ERR_OPTIONS_INVALID", text));
  });

  it("may be left out, and undefined", () => {
    expect(native().overhead(4)).toBe(0);
    expect(native({}).plan(node(1), [], underlay).native).toEqual([]);
  });
});
