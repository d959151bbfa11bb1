import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RoutedNode } from "@netloom/core";
import { vxlan } from "@netloom/routing-vxlan";

const node = (index: number, changes: Partial<RoutedNode> = {}): RoutedNode => ({
  name: `node${index}`,
  addresses: [`192.0.2.${index}`],
  podCIDRs: [`10.244.${index}.0/24`],
  routers: [`10.244.${index}.1`],
  ...changes,
});

const underlay = { mtu: 1500, family: 4 } as const;

describe("VXLAN routing", () => {
  it("leaves 1450 bytes of 1500 to pods over IPv4, and 1430 over IPv6", () => {
    const routing = vxlan();
    expect(routing.plan(node(1), [], underlay)).toMatchObject({
      podMtu: 1450,
      overlay: { mtu: 1450, port: 8472 },
    });
    const six = node(1, { addresses: ["fd00::1"] });
    expect(routing.plan(six, [], { mtu: 1500, family: 6 }).podMtu).toBe(1430);
    expect(routing.plan(node(1), [], { mtu: 9000, family: 4 }).podMtu).toBe(8950);
  });

  it("never lets a pod's packet outgrow the uplink", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1350, max: 65_535 }), fc.constantFrom<4 | 6>(4, 6), (mtu, family) => {
        const routing = vxlan();
        expect(routing.plan(node(1), [], { mtu, family }).podMtu + routing.overhead(family)).toBe(mtu);
      }),
    );
  });

  it("tunnels every remote pod CIDR to its node", () => {
    const remote = node(2, { podCIDRs: ["10.244.2.0/24", "10.244.9.0/24"] });
    expect(vxlan().plan(node(1), [remote, node(3)], underlay).tunnels).toEqual([
      { prefix: "10.244.2.0/24", node: "node2", endpoint: "192.0.2.2" },
      { prefix: "10.244.9.0/24", node: "node2", endpoint: "192.0.2.2" },
      { prefix: "10.244.3.0/24", node: "node3", endpoint: "192.0.2.3" },
    ]);
  });

  it("plans for the others when one node cannot be reached or overlaps, and says why", () => {
    const strangers = [
      node(2, { addresses: ["fd00::2"] }),
      node(3, { podCIDRs: ["10.244.1.128/25"] }),
      node(4),
      node(5, { podCIDRs: ["10.244.4.0/23"] }),
    ];
    const plan = vxlan().plan(node(1), strangers, underlay);
    expect(plan.tunnels.map(({ node: name }) => name)).toEqual(["node4"]);
    expect(plan.problems.map(({ code, message }) => [code, message])).toEqual([
      ["ERR_NODE_INVALID", expect.stringContaining("node node2 has no IPv4 address for tunnels (fd00::2)")],
      [
        "ERR_IPAM_CONFLICT",
        expect.stringContaining("10.244.1.128/25 of node node3 overlaps 10.244.1.0/24 of node node1"),
      ],
      [
        "ERR_IPAM_CONFLICT",
        expect.stringContaining("10.244.4.0/23 of node node5 overlaps 10.244.4.0/24 of node node4"),
      ],
    ]);
  });

  it("is pure: the order of nodes does not matter", () => {
    const routing = vxlan();
    const [a, b, c] = [node(2), node(3), node(4)];
    expect(routing.plan(node(1), [a, b, c], underlay)).toEqual(routing.plan(node(1), [c, a, b], underlay));
  });

  it("refuses an uplink that leaves too little, with the number that would do", () => {
    expect(() => vxlan().plan(node(1), [], { mtu: 600, family: 4 })).toThrow(
      expect.objectContaining({
        code: "ERR_OPTIONS_INVALID",
        message: expect.stringContaining("to 626 or more") as string,
      }),
    );
    const dual = node(1, { podCIDRs: ["fd00:1::/64"] });
    expect(() => vxlan().plan(dual, [], { mtu: 1300, family: 4 })).toThrow("IPv6 needs 1280");
  });

  it.each([0, 65_536, 1.5, Number.NaN])("refuses port %s", (port) => {
    expect(() => vxlan({ port })).toThrow(expect.objectContaining({ code: "ERR_OPTIONS_INVALID" }) as Error);
  });
});
