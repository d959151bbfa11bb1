import assert from "node:assert/strict";
import { faultOf } from "@netloom/ipam-cloud";
import { givesUp } from "../kit/reject.ts";
import {
  assign,
  callOf,
  cidrsOf,
  ensure,
  faultIn,
  firstOf,
  inventoryOf,
  orphansOf,
  poolIds,
  requestOf,
  sorted,
  wantedOf,
  type CloudCheck,
  type CloudWorld,
  type WatchedCall,
} from "./world.ts";

/** What the cloud refuses, who gives up, and what is written down of it. */
export const refusals: readonly CloudCheck[] = [
  {
    id: "cloud/throttled",
    sentence: "says that there were too many requests only where nothing has happened",
    needs: "throttle",
    async run({ provider, node, stage }) {
      const trial = callOf();
      await assign(provider, node, 1, trial);
      const { id } = await firstOf(provider, node);
      for (const [index, action] of trial.admitted.entries()) {
        const before = cidrsOf(await inventoryOf(provider, node));
        stage.throttle(action);
        const request = { node, interface: id, ...wantedOf(provider, 1, "single") };
        const { kind } = await faultIn(provider, `too many of ${action}`, () =>
          provider.assign(request, callOf()),
        );
        if (index === 0) assert.equal(kind, "throttled");
        const after = cidrsOf(await inventoryOf(provider, node));
        if (kind === "throttled") assert.deepEqual(sorted(after), sorted(before), "nothing has happened");
        else assert.equal(kind, "ambiguous");
      }
    },
  },
  {
    id: "cloud/denied",
    sentence: "names what the account is not allowed to do",
    needs: "deny",
    async run({ provider, node, stage }) {
      const trial = callOf();
      await assign(provider, node, 1, trial);
      const { id } = await firstOf(provider, node);
      const action = stage.deny(trial.admitted[0]!);
      const request = { node, interface: id, ...wantedOf(provider, 1, "single") };
      const fault = await faultIn(provider, "what is not allowed", () => provider.assign(request, callOf()));
      assert.deepEqual(fault, { kind: "denied", action });
    },
  },
  {
    id: "cloud/admitted",
    sentence: "lets every request be admitted first, under its own name",
    needs: "requests",
    async run(world) {
      for (const [what, act] of await everyCall(world)) {
        const before = world.stage.requests().length;
        const call = callOf();
        await act(call);
        assert.deepEqual(world.stage.requests().slice(before), call.admitted, what);
      }
    },
  },
  {
    id: "cloud/abort",
    sentence: "gives up at once where it is told to",
    async run(world) {
      for (const [what, act] of await everyCall(world)) {
        const calls: WatchedCall[] = [];
        await givesUp(what, (signal) => {
          const call = callOf({ signal });
          calls.push(call);
          return act(call);
        });
        assert.deepEqual(
          calls.flatMap(({ admitted }) => admitted),
          [],
          what,
        );
      }
    },
  },
  {
    id: "cloud/called-off",
    sentence: "ends with what it was called off for, and sends nothing",
    needs: "requests",
    async run(world) {
      for (const [what, act] of await everyCall(world)) {
        const reason = new Error("called off");
        const before = world.stage.requests().length;
        const call = callOf({
          before: () => {
            throw reason;
          },
        });
        const error: unknown = await act(call).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.equal(error, reason, what);
        assert.equal(world.stage.requests().length, before, what);
      }
    },
  },
  {
    id: "cloud/version",
    sentence: "refuses what was decided by an inventory that is not true any more",
    needs: "versions",
    async run({ provider, node }) {
      const { version } = await inventoryOf(provider, node);
      assert.ok(version !== undefined, "an inventory has a version");
      const { id } = await firstOf(provider, node);
      const request = { node, interface: id, ...wantedOf(provider, 1, "single"), version };
      const [first] = await provider.assign(request, callOf());
      const before = cidrsOf(await inventoryOf(provider, node));
      const fault = await faultIn(provider, "a version that is over", () =>
        provider.assign(request, callOf()),
      );
      assert.deepEqual(fault, { kind: "conflict", what: "version" });
      assert.deepEqual(sorted(cidrsOf(await inventoryOf(provider, node))), sorted(before));
      assert.ok(before.includes(first!));
    },
  },
  {
    id: "cloud/lost-update",
    sentence: "never undoes what another did meanwhile",
    async run(world) {
      const { provider, node } = world;
      const trial = callOf();
      await assign(provider, node, 1, trial);
      const { id } = await firstOf(provider, node);
      for (const number of trial.admitted.keys()) {
        const others: string[] = [];
        const call = callOf({
          before: async (count) => {
            if (count === number) others.push(...(await assign(world.restart(), node, 1)));
          },
        });
        const request = { node, interface: id, ...wantedOf(provider, 1, "single") };
        const added = await provider.assign(request, call).catch((error: unknown) => {
          assert.deepEqual(faultOf(provider, error), { kind: "conflict", what: "version" });
          return [];
        });
        const after = cidrsOf(await inventoryOf(provider, node));
        for (const cidr of [...others, ...added]) assert.ok(after.includes(cidr), `${cidr} is still there`);
        assert.equal(new Set(after).size, after.length);
      }
    },
  },
  {
    id: "cloud/failed-operation",
    sentence: "fails where an operation ends in failure, however it was answered",
    needs: "failOperation",
    async run({ provider, node, stage }) {
      const before = cidrsOf(await inventoryOf(provider, node));
      const { id } = await firstOf(provider, node);
      stage.failOperation();
      const request = { node, interface: id, ...wantedOf(provider, 1, "single") };
      await faultIn(provider, "an operation that fails", () => provider.assign(request, callOf()));
      assert.deepEqual(sorted(cidrsOf(await inventoryOf(provider, node))), sorted(before));
    },
  },
  {
    id: "cloud/no-secrets",
    sentence: "tells no secret in answers and errors",
    needs: "secret",
    async run({ provider, node, stage }) {
      const told: unknown[] = [await inventoryOf(provider, node), await poolIds(provider, node)];
      const missing = { node, interface: "conformance-missing", ...wantedOf(provider, 1, "single") };
      await provider.assign(missing, callOf()).catch((error: unknown) => told.push(error));
      for (const one of told.map(textOf)) assert.ok(!one.includes(stage.secret), one);
    },
  },
];

type Act = (call: WatchedCall) => Promise<unknown>;

/** Each call that it has, by name; what it needs is there when it is made. */
async function everyCall(world: CloudWorld): Promise<readonly (readonly [string, Act])[]> {
  const { provider, node } = world;
  const { id } = await firstOf(provider, node);
  const single = { node, interface: id, ...wantedOf(provider, 1, "single") };
  const calls: (readonly [string, Act])[] = [
    ["pools", (call) => poolIds(provider, node, call)],
    ["readNode", (call) => provider.readNode(node, call)],
    ["assign", (call) => provider.assign(single, call)],
  ];
  // Who has a table of sizes need not ask for one.
  const limits = callOf();
  await provider.limits(node, limits);
  if (limits.admitted.length > 0) calls.push(["limits", (call) => provider.limits(node, call)]);
  if (provider.capabilities.release) {
    const cidrs = await assign(provider, node, 1);
    calls.push(["unassign", (call) => provider.unassign!({ node, interface: id, cidrs }, call)]);
  }
  if (provider.capabilities.interfaces === "dynamic") {
    const made = await ensure(world);
    calls.push(
      ["ensureInterface", (call) => provider.ensureInterface!(requestOf(world), call)],
      ["orphans", (call) => orphansOf(provider, call)],
      ["removeInterface", (call) => provider.removeInterface!({ node, interface: made.id }, call)],
    );
  }
  return calls;
}

function textOf(value: unknown): string {
  if (!(value instanceof Error)) return JSON.stringify(value);
  const own = JSON.stringify(Object.fromEntries(Object.entries(value)));
  const cause = value.cause === undefined ? "" : textOf(value.cause);
  return `${value.message} ${value.stack ?? ""} ${own} ${cause}`;
}
