import assert from "node:assert/strict";
import type { CloudCall, CloudProvider } from "@netloom/ipam-cloud";
import {
  attached,
  callOf,
  cidrsOf,
  crashing,
  ensure,
  faultIn,
  findInterface,
  firstOf,
  freeAddress,
  inventoryOf,
  newIntent,
  orphansOf,
  wantedOf,
  type CloudCheck,
  type CloudWorld,
} from "./world.ts";

/** One thing that is done, and what must be true when it has been done in the end. */
interface Deed {
  readonly act: (provider: CloudProvider, call: CloudCall) => Promise<unknown>;
  readonly check: () => Promise<void>;
}

/** Does it once more for every request that it takes, with a mishap at that one, until none happens any more. */
type Mishap = (number: number, intent: string, deed: Deed, world: CloudWorld) => Promise<boolean>;

const crash: Mishap = (number, intent, { act }, { provider }) =>
  crashing(number, intent, (call) => act(provider, call));

const loss: Mishap = async (number, intent, { act }, { provider, stage }) => {
  stage.loseAnswer(number);
  try {
    await act(provider, callOf({ intent }));
    return false;
  } catch {
    return true;
  } finally {
    stage.loseAnswer(-1);
  }
};

/** Processes that die, answers that are lost, and reads of the past. */
export const recovery: readonly CloudCheck[] = [
  recovers(
    "crash-ensure",
    "finishes an interface that a process began and died",
    "dynamic interfaces",
    crash,
    ensuring,
  ),
  recovers(
    "crash-remove",
    "finishes a removal that a process began and died",
    "dynamic interfaces",
    crash,
    removing,
  ),
  recovers(
    "crash-assign",
    "assigns once what a process asked for and died",
    "exact and release",
    crash,
    assigningOne,
  ),
  recovers(
    "lost-ensure",
    "makes one interface where answers are lost",
    "dynamic interfaces and loseAnswer",
    loss,
    ensuring,
  ),
  recovers(
    "lost-remove",
    "finishes a removal where answers are lost",
    "dynamic interfaces and loseAnswer",
    loss,
    removing,
  ),
  recovers(
    "lost-assign",
    "assigns once where answers are lost",
    "exact and release and loseAnswer",
    loss,
    assigningOne,
  ),
  {
    id: "cloud/lost-ambiguous",
    sentence: "calls it ambiguous where an answer is lost",
    needs: "loseAnswer",
    async run({ provider, node, stage }) {
      const { id } = await firstOf(provider, node);
      const wanted = wantedOf(provider, 1, "single");
      stage.loseAnswer(0);
      const fault = await faultIn(provider, "an answer that is lost", () =>
        provider.assign({ node, interface: id, ...wanted }, callOf()),
      );
      assert.deepEqual(fault, { kind: "ambiguous" });
    },
  },
  {
    id: "cloud/unknown-error",
    sentence: "calls ambiguous what it does not know",
    async run({ provider }) {
      for (const error of [new Error("something new"), "a string", undefined])
        assert.deepEqual(provider.classify(error), { kind: "ambiguous" });
    },
  },
  {
    id: "cloud/stale-ensure",
    sentence: "makes one interface for an intent even where it is not seen yet",
    needs: "dynamic interfaces and freeze",
    async run(world) {
      const { provider, node, stage } = world;
      const intent = newIntent();
      const before = (await inventoryOf(provider, node)).interfaces.length;
      stage.freeze();
      const first = await thawing(world, (call) => ensure(world, call), intent);
      stage.freeze();
      // It may fail as long as it cannot see.
      await thawing(world, (call) => ensure(world, call, world.restart()), intent).catch(() => undefined);
      stage.thaw();
      assert.equal((await ensure(world, callOf({ intent }))).id, first.id);
      assert.equal((await inventoryOf(provider, node)).interfaces.length, before + 1);
      assert.deepEqual(await orphansOf(provider), []);
    },
  },
  {
    id: "cloud/stale-remove",
    sentence: "does not say that an interface is removed because it is not seen yet",
    needs: "dynamic interfaces and freeze",
    async run(world) {
      const { provider, node, stage } = world;
      stage.freeze();
      const { id } = await thawing(world, (call) => ensure(world, call));
      stage.freeze();
      const removed = await thawing(world, async (call) => {
        await provider.removeInterface!({ node, interface: id }, call);
        return true;
      }).catch(() => false);
      stage.thaw();
      if (removed) assert.equal(await findInterface(provider, node, id), undefined, "it was said to be");
      await provider.removeInterface!({ node, interface: id }, callOf());
      assert.equal(await findInterface(provider, node, id), undefined);
      assert.deepEqual(await orphansOf(provider), []);
    },
  },
  {
    id: "cloud/instance-ends",
    sentence: "can find what it began for an instance that ended meanwhile",
    needs: "dynamic interfaces and terminate",
    async run(world) {
      const { stage, node, provider } = world;
      const intent = newIntent();
      const call = callOf({
        intent,
        before: async (number) => {
          if (number === 0) return;
          if ((await provider.readNode(node, callOf())) !== undefined) await stage.terminate(node);
        },
      });
      await ensure(world, call).catch(() => undefined);
      for (const { interface: id } of await orphansOf(provider))
        await provider.removeInterface!({ interface: id }, callOf());
      const left = (await stage.interfaces?.())?.length;
      assert.ok(left === undefined || left === 1, "only the other node's first interface is left");
    },
  },
];

function recovers(
  id: string,
  sentence: string,
  needs: string,
  mishap: Mishap,
  prepare: (world: CloudWorld, intent: string) => Promise<Deed>,
): CloudCheck {
  return {
    id: `cloud/${id}`,
    sentence,
    needs,
    async run(world) {
      for (let number = 0, happened = true; happened; number++) {
        assert.ok(number < 50, "a call has an end");
        const intent = newIntent();
        const deed = await prepare(world, intent);
        happened = await mishap(number, intent, deed, world);
        if (happened) await deed.act(world.restart(), callOf({ intent }));
        await deed.check();
      }
    },
  };
}

async function ensuring(world: CloudWorld, intent: string): Promise<Deed> {
  const { provider, node } = world;
  return {
    act: (by, call) => ensure(world, call, by),
    check: async () => {
      const { interfaces } = await inventoryOf(provider, node);
      const made = interfaces.filter((one) => one.intent === intent);
      assert.equal(made.length, 1);
      assert.equal((await attached(world, made[0]!)).deleteWithInstance, true);
      assert.deepEqual(await orphansOf(provider), []);
      // The next one needs its room.
      await provider.removeInterface!({ node, interface: made[0]!.id }, callOf());
    },
  };
}

async function removing(world: CloudWorld): Promise<Deed> {
  const { provider, node } = world;
  const { id } = await ensure(world);
  return {
    act: (by, call) => by.removeInterface!({ node, interface: id }, call),
    check: async () => {
      assert.equal(await findInterface(provider, node, id), undefined);
      assert.deepEqual(await orphansOf(provider), []);
    },
  };
}

async function assigningOne(world: CloudWorld): Promise<Deed> {
  const { provider, node } = world;
  const { id } = await firstOf(provider, node);
  const exact = [await freeAddress(world, id)];
  const before = cidrsOf(await inventoryOf(provider, node));
  const request = { node, interface: id, ...wantedOf(provider, 1, "single"), exact };
  return {
    act: (by, call) => by.assign(request, call),
    check: async () => {
      const after = cidrsOf(await inventoryOf(provider, node));
      assert.deepEqual(
        after.filter((cidr) => !before.includes(cidr)),
        exact,
      );
      assert.equal(after.length, before.length + 1);
      await provider.unassign!({ node, interface: id, cidrs: exact }, callOf());
    },
  };
}

/** Whoever waits to see what it did gets to see it after some twenty requests. */
function thawing<Answer>(
  { stage }: CloudWorld,
  act: (call: CloudCall) => Promise<Answer>,
  intent = newIntent(),
): Promise<Answer> {
  return act(
    callOf({
      intent,
      before: (number) => {
        if (number === 20) stage.thaw();
      },
    }),
  );
}
