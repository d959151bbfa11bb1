import assert from "node:assert/strict";
import { parseAddress, parseCidr, type RoutedNode, type RoutePlan } from "@netloom/core";
import { FAMILIES, LOCAL, node, rangesIn, REMOTES, underlay, type RoutingCheck } from "./world.ts";

/** On no link of the others'. */
const DISTANT: RoutedNode = node(8, { addresses: ["198.51.100.8", "2001:db8:8::8"] });

/** How each node's pods are reached. */
export const ways: readonly RoutingCheck[] = [
  {
    id: "routing/every-range",
    sentence: "reaches every range of every other node, by a tunnel or natively",
    async run({ routing }) {
      for (const family of FAMILIES) {
        const plan = routing.plan(LOCAL, [...REMOTES, DISTANT], underlay(family));
        const wanted = [...REMOTES, DISTANT].flatMap(({ name, podCIDRs }) =>
          podCIDRs.map((prefix) => `${prefix} ${name}`),
        );
        const found = rangesIn(plan).map(({ prefix, node: name }) => `${prefix} ${name}`);
        assert.deepEqual(found.sort(), wanted.sort());
      }
    },
  },
  {
    id: "routing/nodes",
    sentence: "says of every other node that it reaches how: as it reaches its ranges, and before it has any",
    async run({ routing }) {
      const young = node(9, { podCIDRs: [], routers: [] });
      const others = [...REMOTES, DISTANT, young];
      const plan = routing.plan(LOCAL, others, underlay(4));
      assert.deepEqual(
        plan.nodes.map(({ node: name }) => name).sort(),
        others.map(({ name }) => name).sort(),
      );
      for (const { node: name, tunnel } of plan.nodes) {
        const endpoints = plan.tunnels.filter((one) => one.node === name).map(({ endpoint }) => endpoint);
        const native = plan.native.filter((range) => range.node === name);
        if (tunnel === undefined) assert.deepEqual(endpoints, [], `${name} is reached natively`);
        else
          assert.deepEqual(
            [native, endpoints.filter((one) => one !== tunnel)],
            [[], []],
            `${name} has a tunnel`,
          );
      }
    },
  },
  {
    id: "routing/routes-on-link",
    sentence:
      "keeps routes to neighbours alone: by an address of the node's, of the range's family, on the link",
    async run({ routing }) {
      const others = [...REMOTES, DISTANT];
      for (const family of FAMILIES) {
        for (const networks of [underlay(family).networks, ["192.0.2.2/31"], []]) {
          const plan = routing.plan(LOCAL, others, { ...underlay(family), networks });
          for (const { prefix, node: name, via } of plan.routes) {
            const route = `the route to ${prefix} by ${via}`;
            const address = parseAddress(via);
            const owner = others.find((other) => other.name === name);
            assert.ok(owner?.addresses.includes(via), `${route} goes to ${name}`);
            assert.equal(address.family, parseCidr(prefix).family, `${route} is of one family`);
            const onLink = networks.some((network) => parseCidr(network).contains(address));
            assert.ok(onLink, `${route} needs it on link, which are ${networks.join(", ") || "none"}`);
          }
        }
      }
    },
  },
  {
    id: "routing/routes-native",
    sentence: "keeps one route at most to a range, and to none that is not the node's and reached natively",
    async run({ routing }) {
      for (const family of FAMILIES) {
        const plan = routing.plan(LOCAL, [...REMOTES, DISTANT], underlay(family));
        const prefixes = plan.routes.map(({ prefix }) => prefix);
        assert.deepEqual([...new Set(prefixes)], prefixes, "one route to each");
        for (const route of plan.routes) assertNative(plan, route);
      }
    },
  },
];

function assertNative({ native }: RoutePlan, { prefix, node: name }: RoutePlan["routes"][number]): void {
  const found = native.some((range) => range.node === name && range.prefix === prefix);
  assert.ok(found, `${prefix} of ${name} has a route, and is not reached natively`);
}
