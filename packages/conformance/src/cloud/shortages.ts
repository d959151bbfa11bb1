import assert from "node:assert/strict";
import type { Shortage } from "./stage.ts";
import { assign, callOf, ensure, faultIn, type CloudCheck, type CloudWorld } from "./world.ts";

/** Each in words of its own: what to do about it differs. */
export const shortages: readonly CloudCheck[] = [
  shortage("pool-addresses", "exhaust", ({ provider, node }) => assign(provider, node, 1)),
  {
    ...shortage("pool-blocks", "exhaust and blocks", ({ provider, node }) =>
      assign(provider, node, 1, callOf(), "block"),
    ),
    sentence: "tells a pool without whole blocks from one without addresses",
  },
  shortage("interface-slots", "exhaust", ({ provider, node }) => assign(provider, node, 1)),
  shortage("node-interfaces", "exhaust and dynamic interfaces", (world) => ensure(world)),
  shortage("quota", "exhaust", ({ provider, node }) => assign(provider, node, 1)),
];

function shortage(what: Shortage, needs: string, act: (world: CloudWorld) => Promise<unknown>): CloudCheck {
  return {
    id: `cloud/exhausted-${what}`,
    sentence: `says \`${what}\` where there are no more`,
    needs,
    async run(world) {
      await world.stage.exhaust(what, world.node);
      const fault = await faultIn(world.provider, "one more", () => act(world));
      const { kind, what: told } = { what: undefined, ...fault };
      assert.deepEqual({ kind, what: told }, { kind: "exhausted", what });
    },
  };
}
