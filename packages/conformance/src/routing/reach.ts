import assert from "node:assert/strict";
import { isNetloomError, parseAddress, parseCidr, type RoutedNode, type RoutePlan } from "@netloom/core";
import { FAMILIES, LOCAL, node, rangesIn, REMOTES, underlay, waysIn, type RoutingCheck } from "./world.ts";

/** Whom a plan reaches, and whom it cannot. */
export const reach: readonly RoutingCheck[] = [
  {
    id: "routing/reach",
    sentence: "sends to every range of every other node, at its address of the underlay's family",
    needs: "tunnels",
    async run({ routing }) {
      for (const family of FAMILIES) {
        const plan = routing.plan(LOCAL, REMOTES, underlay(family));
        assert.deepEqual(plan.problems, []);
        assertReached(plan, REMOTES, family);
      }
    },
  },
  {
    id: "routing/mixed-families",
    sentence: "reaches pods of either family over an underlay of the other",
    needs: "tunnels",
    async run({ routing }) {
      const only = (number: number, address: string, range: string): RoutedNode =>
        node(number, { addresses: [address], podCIDRs: [range], routers: [] });
      const four = [1, 2].map((number) => only(number, `192.0.2.${number}`, `fd00:77:${number}::/64`));
      const six = [1, 2].map((number) => only(number, `2001:db8::${number}`, `10.77.${number}.0/24`));
      assertReached(routing.plan(four[0]!, four.slice(1), underlay(4)), four.slice(1), 4);
      assertReached(routing.plan(six[0]!, six.slice(1), underlay(6)), six.slice(1), 6);
    },
  },
  {
    id: "routing/own-name",
    sentence: "sends nothing to the node that it plans for, though it is told of it",
    async run({ routing }) {
      const plan = routing.plan(LOCAL, [...REMOTES, LOCAL], underlay(4));
      const own = new Set([LOCAL.name, ...LOCAL.addresses]);
      assert.deepEqual(
        waysIn(plan).filter((way) => way.split(" ").some((word) => own.has(word))),
        [],
      );
      assert.deepEqual(plan.problems, []);
    },
  },
  {
    id: "routing/own-ranges",
    sentence: "never sends a node's own ranges away, whoever else claims them",
    async run({ routing }) {
      const thief = node(7, { podCIDRs: ["10.77.0.0/16", LOCAL.podCIDRs[1]!, "10.77.1.128/25"] });
      const plan = routing.plan(LOCAL, [...REMOTES, thief], underlay(4));
      for (const own of LOCAL.podCIDRs) {
        const taken = [...rangesIn(plan), ...plan.routes].filter(({ prefix }) =>
          parseCidr(prefix).overlaps(parseCidr(own)),
        );
        assert.deepEqual(taken, [], `${own} stays here`);
      }
      assert.ok(plan.problems.length > 0, "and somebody is told");
    },
  },
  {
    id: "routing/overlap",
    sentence: "sends each address to one node at most, and reports who else claims it",
    async run({ routing }) {
      const other = node(5, { podCIDRs: ["10.77.2.128/25", "fd00:77:5::/64"] });
      const plan = routing.plan(LOCAL, [...REMOTES, other], underlay(4));
      assertProblem(plan, "10.77.2");
      const prefixes = rangesIn(plan).map(({ prefix }) => parseCidr(prefix));
      for (const [index, prefix] of prefixes.entries()) {
        const twice = prefixes.slice(0, index).some((one) => one.overlaps(prefix));
        assert.equal(twice, false, `${prefix.toString()} is sent to two nodes`);
      }
    },
  },
  {
    id: "routing/unreachable",
    sentence: "reports a node without an address of the underlay's family, and plans for the others",
    async run({ routing }) {
      const lost = node(6, { addresses: ["2001:db8::6"] });
      const plan = routing.plan(LOCAL, [lost, ...REMOTES], underlay(4));
      assertProblem(plan, "node-6");
      assertSame(plan, routing.plan(LOCAL, REMOTES, underlay(4)));
    },
  },
  {
    id: "routing/unreadable",
    sentence: "reports a range that it cannot read, and plans for the others",
    async run({ routing }) {
      const odd = node(2, { podCIDRs: [...REMOTES[0]!.podCIDRs, "10.77.300.0/24"] });
      const plan = routing.plan(LOCAL, [odd, ...REMOTES.slice(1)], underlay(4));
      assertProblem(plan, "10.77.300.0/24");
      assertSame(plan, routing.plan(LOCAL, REMOTES, underlay(4)));
    },
  },
];

/** Every range of every one of them is behind one tunnel, which ends at its node. */
function assertReached({ tunnels }: RoutePlan, remotes: readonly RoutedNode[], family: number): void {
  const expected = remotes.flatMap(({ name, addresses, podCIDRs }) => {
    const endpoint = addresses.find((address) => parseAddress(address).family === family);
    return podCIDRs.map((prefix) => `${prefix} ${name} ${endpoint}`);
  });
  assert.deepEqual(
    tunnels.map(({ prefix, node, endpoint }) => `${prefix} ${node} ${endpoint}`).sort(),
    expected.sort(),
  );
}

function assertProblem({ problems }: RoutePlan, subject: string): void {
  assert.ok(
    problems.every((problem) => isNetloomError(problem)),
    "problems have codes",
  );
  assert.ok(
    problems.some(({ message }) => message.includes(subject)),
    `a problem names ${subject}: ${problems.map(({ message }) => message).join("; ") || "there is none"}`,
  );
}

/** The ways of the one are the ways of the other. */
function assertSame(one: RoutePlan, other: RoutePlan): void {
  assert.deepEqual(waysIn(one), waysIn(other));
}
