import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidrAround, formatCidr, ipv4, parseCidr, type RoutedNode } from "@netloom/core";
import { vxlan, type VxlanOptions } from "@netloom/routing-vxlan";

const node = (index: number, changes: Partial<RoutedNode> = {}): RoutedNode => ({
  name: `node${index}`,
  addresses: [`192.0.2.${index}`],
  podCIDRs: [`10.244.${index}.0/24`],
  routers: [`10.244.${index}.1`],
  ...changes,
});

const underlay = { mtu: 1500, family: 4, networks: ["192.0.2.0/24"] } as const;
const code = (expected: string, text: string): Error =>
  expect.objectContaining({ code: expected, message: expect.stringContaining(text) as string }) as Error;

describe("the MTU of VXLAN routing", () => {
  it.each([
    [1500, 4, 1450],
    [1500, 6, 1430],
    [9000, 4, 8950],
    [9001, 6, 8931],
  ] as const)("of a %i-byte uplink over IPv%i leaves %i to pods", (mtu, family, left) => {
    const plan = vxlan().plan(node(1), [], { mtu, family, networks: [] });
    expect(plan).toMatchObject({ podMtu: left, overlay: { protocol: "vxlan", mtu: left, port: 8472 } });
  });

  it("and the overhead are the uplink's MTU, so that no packet of a pod outgrows it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1350, max: 65_535 }), fc.constantFrom<4 | 6>(4, 6), (mtu, family) => {
        const routing = vxlan();
        expect(
          routing.plan(node(1), [], { mtu, family, networks: [] }).podMtu + routing.overhead(family),
        ).toBe(mtu);
      }),
    );
  });

  it.each([
    [
      625,
      4,
      "10.0.0.0/24",
      "leaves 575 for pods, and IPv4 needs 576; raise the MTU of node1's uplink to 626",
    ],
    [
      645,
      6,
      "10.0.0.0/24",
      "leaves 575 for pods, and IPv4 needs 576; raise the MTU of node1's uplink to 646",
    ],
    [
      1329,
      4,
      "fd00::/64",
      "leaves 1279 for pods, and IPv6 needs 1280; raise the MTU of node1's uplink to 1330",
    ],
    [
      1349,
      6,
      "fd00::/64",
      "leaves 1279 for pods, and IPv6 needs 1280; raise the MTU of node1's uplink to 1350",
    ],
    [Number.NaN, 4, "10.0.0.0/24", "an uplink of NaN bytes"],
  ] as const)("of %i bytes over IPv%i is refused for %s", (mtu, family, cidr, text) => {
    const local = node(1, { podCIDRs: [cidr] });
    expect(() => vxlan().plan(local, [], { mtu, family, networks: [] })).toThrow(
      code("ERR_OPTIONS_INVALID", text),
    );
    expect(
      vxlan().plan(local, [], { mtu: Number.isNaN(mtu) ? 1500 : mtu + 1, family, networks: [] }).problems,
    ).toEqual([]);
  });
});

describe("VXLAN routing", () => {
  it("tunnels every remote pod CIDR to its node, in the order of the nodes' names", () => {
    const remote = node(2, { podCIDRs: ["10.244.2.0/24", "10.244.9.0/24"] });
    expect(vxlan().plan(node(1), [node(3), remote], underlay).tunnels).toEqual([
      { prefix: "10.244.2.0/24", node: "node2", endpoint: "192.0.2.2" },
      { prefix: "10.244.9.0/24", node: "node2", endpoint: "192.0.2.2" },
      { prefix: "10.244.3.0/24", node: "node3", endpoint: "192.0.2.3" },
    ]);
  });

  it("carries both families over the underlay's one", () => {
    const dual = node(2, {
      addresses: ["192.0.2.2", "2001:db8::2"],
      podCIDRs: ["10.244.2.0/24", "fd00:2::/64"],
    });
    const endpoints = (family: 4 | 6): string[] =>
      vxlan()
        .plan(node(1), [dual], { mtu: 1500, family, networks: [] })
        .tunnels.map(({ endpoint }) => endpoint);
    expect(endpoints(4)).toEqual(["192.0.2.2", "192.0.2.2"]);
    expect(endpoints(6)).toEqual(["2001:db8::2", "2001:db8::2"]);
  });

  it("plans for the others when a node cannot be reached, cannot be read or overlaps, and says why", () => {
    const strangers = [
      node(2, { addresses: ["fd00::2"] }),
      node(3, { podCIDRs: ["10.244.1.128/25", "10.244.3.0/24"] }),
      node(4),
      node(5, { podCIDRs: ["10.244.4.0/23"] }),
      node(6, { podCIDRs: ["10.244.6.1/24"] }),
    ];
    const plan = vxlan().plan(node(1), strangers, underlay);
    expect(plan.tunnels.map(({ prefix }) => prefix)).toEqual(["10.244.3.0/24", "10.244.4.0/24"]);
    expect(plan.problems).toEqual([
      code("ERR_NODE_INVALID", "node node2 has no IPv4 address for tunnels (fd00::2)"),
      code("ERR_NODE_INVALID", "node node6: 10.244.6.1/24 has host bits set"),
      code("ERR_IPAM_CONFLICT", "10.244.1.128/25 of node node3 overlaps 10.244.1.0/24 of node node1"),
      code("ERR_IPAM_CONFLICT", "10.244.4.0/23 of node node5 overlaps 10.244.4.0/24 of node node4"),
    ]);
  });

  it("never tunnels to the node itself", () => {
    const twice = node(1, { podCIDRs: ["10.9.0.0/24"] });
    expect(vxlan().plan(node(1), [node(1), twice], underlay)).toMatchObject({ tunnels: [], problems: [] });
  });

  it("sends each address to one node at most, and to the first of those that claim it", () => {
    const cidr = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
      .map(([octet, prefix]) => formatCidr(cidrAround(ipv4(0x0a000000 + octet), prefix)));
    const nodes = fc.array(fc.array(cidr, { maxLength: 3 }), { maxLength: 8 });
    fc.assert(
      fc.property(nodes, (ranges) => {
        const all = ranges.map((podCIDRs, index) => node(index, { podCIDRs }));
        const [local, ...remotes] = [node(0, { podCIDRs: ["10.0.0.0/27"] }), ...all.slice(1)];
        const { tunnels, problems } = vxlan().plan(local, remotes, underlay);
        // As slowly as can be: one after another, against all that were let in before.
        const kept = [parseCidr("10.0.0.0/27")];
        const expected = remotes.flatMap(({ name, podCIDRs }) =>
          podCIDRs.flatMap((prefix) => {
            if (kept.some((other) => other.overlaps(parseCidr(prefix)))) return [];
            kept.push(parseCidr(prefix));
            return [{ prefix, node: name }];
          }),
        );
        expect(tunnels.map(({ prefix, node: name }) => ({ prefix, node: name }))).toEqual(expected);
        expect(problems.length + tunnels.length).toBe(remotes.flatMap(({ podCIDRs }) => podCIDRs).length);
      }),
    );
  });

  it("is pure: the order of nodes does not matter, and nothing it was given changes", () => {
    const remotes = [node(2), node(3, { podCIDRs: ["10.244.2.0/25"] }), node(4)].map((one) =>
      Object.freeze(one),
    );
    const plan = vxlan().plan(node(1), Object.freeze(remotes), underlay);
    fc.assert(
      fc.property(fc.shuffledSubarray(remotes, { minLength: 3 }), (shuffled) => {
        expect(vxlan().plan(node(1), shuffled, underlay)).toEqual(plan);
      }),
    );
  });

  it("plans for a cluster of 5000 nodes without comparing each with each", () => {
    const many = Array.from({ length: 5000 }, (_, index) =>
      node(index, {
        name: `node${index}`,
        podCIDRs: [formatCidr(cidrAround(ipv4(0x0a000000 + index * 256), 24))],
      }),
    );
    const before = performance.now();
    expect(vxlan().plan(node(0, { name: "me", podCIDRs: [] }), many, underlay).tunnels).toHaveLength(5000);
    // Comparing all pairs takes about a second.
    expect(performance.now() - before).toBeLessThan(400);
  });

  it("starts and stops as often as one likes", async () => {
    await using routing = vxlan();
    await routing.start();
    await routing.start();
    await expect(routing[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it("sends to another port where told", () => {
    expect(vxlan({ port: 4789 }).plan(node(1), [], underlay).overlay?.port).toBe(4789);
  });

  it.each([0, 65_536, 1.5, Number.NaN, "8472" as unknown as number])("refuses port %s", (port) => {
    expect(() => vxlan({ port })).toThrow(
      code("ERR_OPTIONS_INVALID", "write a whole number from 1 to 65535"),
    );
  });

  it("refuses an option it does not know", () => {
    expect(() => vxlan({ Port: 4789 } as VxlanOptions)).toThrow(
      code("ERR_OPTIONS_INVALID", "there is no option Port"),
    );
  });
});
