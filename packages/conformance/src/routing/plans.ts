import assert from "node:assert/strict";
import { isNetloomError, type RoutePlan } from "@netloom/core";
import { refusalNow } from "../kit/reject.ts";
import { FAMILIES, frozen, LOCAL, node, REMOTES, underlay, waysIn, type RoutingCheck } from "./world.ts";

/** What a plan depends on, and how large its packets are. */
export const plans: readonly RoutingCheck[] = [
  {
    id: "routing/pure",
    sentence: "gives the same plan for the same input, whatever it planned in between",
    async run({ routing, create }) {
      const plan = (): unknown => comparable(routing.plan(LOCAL, REMOTES, underlay(4)));
      const first = plan();
      routing.plan(node(9), [node(8)], underlay(6, 9000));
      routing.plan(LOCAL, [], underlay(4));
      assert.deepEqual(plan(), first);
      assert.deepEqual(comparable(create().plan(LOCAL, REMOTES, underlay(4))), first, "nor who plans");
    },
  },
  {
    id: "routing/order",
    sentence: "gives the same plan in whatever order it is told of the nodes",
    async run({ routing }) {
      // Two of them claim the same: who has it must not follow from the order, either.
      const remotes = [...REMOTES, node(5, { podCIDRs: REMOTES[0]!.podCIDRs })];
      const first = comparable(routing.plan(LOCAL, remotes, underlay(4)));
      for (const shuffled of [remotes.toReversed(), [...remotes.slice(2), ...remotes.slice(0, 2)]])
        assert.deepEqual(comparable(routing.plan(LOCAL, shuffled, underlay(4))), first);
    },
  },
  {
    id: "routing/input-untouched",
    sentence: "changes nothing of what it is given",
    async run({ routing }) {
      const [local, remotes] = [structuredClone(LOCAL), structuredClone(REMOTES)];
      routing.plan(frozen(local), frozen(remotes), frozen(underlay(4)));
      assert.deepEqual([local, remotes], [LOCAL, REMOTES]);
    },
  },
  {
    id: "routing/alone",
    sentence: "plans for a node that has no others",
    async run({ routing }) {
      const { nodes, tunnels, native, routes, problems } = routing.plan(LOCAL, [], underlay(4));
      const pods = native.filter((range) => range.node !== undefined);
      assert.deepEqual([nodes, tunnels, pods, routes, problems], [[], [], [], [], []]);
    },
  },
  {
    id: "routing/overhead",
    sentence: "says how many bytes it adds to a packet: none, unless it encapsulates",
    async run({ routing }) {
      for (const family of FAMILIES) {
        const bytes = routing.overhead(family);
        const { overlay } = routing.plan(LOCAL, REMOTES, underlay(family));
        assert.ok(Number.isSafeInteger(bytes) && bytes >= 0, `${bytes} bytes`);
        assert.equal(
          bytes > 0,
          overlay !== undefined,
          `${bytes} bytes, and ${overlay?.protocol ?? "no overlay"}`,
        );
      }
    },
  },
  {
    id: "routing/mtu",
    sentence: "leaves pods what the underlay carries, less what it adds",
    async run({ routing }) {
      for (const family of FAMILIES) {
        for (const mtu of [1500, 1460, 9000, 65_535]) {
          const { podMtu, overlay } = routing.plan(LOCAL, REMOTES, underlay(family, mtu));
          assert.equal(podMtu, mtu - routing.overhead(family), `over IPv${family} of ${mtu} bytes`);
          if (overlay !== undefined) assert.ok(overlay.mtu >= podMtu, "the tunnel carries what pods send");
        }
      }
    },
  },
  {
    id: "routing/mtu-too-small",
    sentence: "refuses an underlay that leaves too little for a packet",
    async run({ routing }) {
      for (const family of FAMILIES) {
        const mtu = routing.overhead(family) + 100;
        const error = await refusalNow(
          `an underlay of ${mtu} bytes`,
          () => routing.plan(LOCAL, REMOTES, underlay(family, mtu)),
          "ERR_OPTIONS_INVALID",
        );
        assert.ok(error.message.includes(String(mtu)), `the message should name ${mtu}: ${error.message}`);
      }
    },
  },
  {
    id: "routing/lifecycle",
    sentence: "starts twice and is disposed twice without harm",
    async run({ routing }) {
      await routing.start();
      routing.plan(LOCAL, REMOTES, underlay(4));
      for (let time = 0; time < 2; time++) await routing[Symbol.asyncDispose]();
    },
  },
];

/** A plan as plain data, its parts in an order of their own. */
function comparable(plan: RoutePlan): unknown {
  const { overlay, podMtu, problems } = plan;
  return {
    overlay: { ...overlay },
    podMtu,
    ways: waysIn(plan),
    problems: problems
      .map((error) => (isNetloomError(error) ? `${error.code} ${error.message}` : error))
      .sort(),
  };
}
