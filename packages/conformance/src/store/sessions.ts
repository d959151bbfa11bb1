import assert from "node:assert/strict";
import { refusal } from "../kit/reject.ts";
import { pause, until, within } from "../kit/wait.ts";
import { at, changesOf, keyOf, told, type StoreCheck, type StoreWorld } from "./world.ts";

/** Keys that live as long as their holder. */
export const sessions: readonly StoreCheck[] = [
  {
    id: "store/session-keys",
    sentence: "deletes the keys of a session that is closed, and tells of it",
    async run(world) {
      const { store, other, prefix, ttl } = world;
      const session = await store.session({ ttl });
      await store.create(`${prefix}a`, 1, { session });
      const last = await store.create(`${prefix}b`, 2, { session });
      await session[Symbol.asyncDispose]();
      await gone(world, "a", "b");
      const end = await other.create(`${prefix}end`, 1);
      const changes = changesOf(await told(world, last, at(end)));
      const deleted = changes.filter(({ type }) => type === "delete").map(keyOf);
      assert.deepEqual(deleted.sort(), [`${prefix}a`, `${prefix}b`]);
    },
  },
  {
    id: "store/session-lost",
    sentence: "tells the holder of a session that it is over, and not before",
    async run({ store, ttl, patience }) {
      const session = await store.session({ ttl });
      assert.equal(session.lost.aborted, false);
      await session[Symbol.asyncDispose]();
      await until(patience, "`lost` is aborted", () => session.lost.aborted);
      await session[Symbol.asyncDispose]();
    },
  },
  {
    id: "store/session-apart",
    sentence: "keeps the keys of other sessions, and those of none",
    async run(world) {
      const { store, prefix, ttl } = world;
      const closing = await store.session({ ttl });
      await using staying = await store.session({ ttl });
      assert.notEqual(closing.id, staying.id);
      await store.create(`${prefix}closing`, 1, { session: closing });
      await store.create(`${prefix}staying`, 1, { session: staying });
      await store.create(`${prefix}free`, 1);
      await closing[Symbol.asyncDispose]();
      await gone(world, "closing");
      assert.deepEqual(
        (await store.list(prefix)).entries.map(({ key }) => key),
        [`${prefix}free`, `${prefix}staying`],
      );
    },
  },
  {
    id: "store/session-handover",
    sentence: "lets a key go with the session it was written in last, or stay if that was none",
    async run(world) {
      const { store, prefix, ttl } = world;
      const first = await store.session({ ttl });
      const second = await store.session({ ttl });
      const mine = await store.create(`${prefix}second`, 1, { session: first });
      await store.update(`${prefix}second`, 2, { session: second, revision: mine });
      const ours = await store.create(`${prefix}nobody`, 1, { session: first });
      await store.update(`${prefix}nobody`, 2, { revision: ours });
      const late = await store.create(`${prefix}adopted`, 1);
      await store.update(`${prefix}adopted`, 2, { session: second, revision: late });
      await store.create(`${prefix}first`, 1, { session: first });
      await first[Symbol.asyncDispose]();
      await gone(world, "first");
      const left = async (): Promise<readonly string[]> =>
        (await store.list(prefix)).entries.map(({ key }) => key.slice(prefix.length));
      assert.deepEqual(await left(), ["adopted", "nobody", "second"]);
      await second[Symbol.asyncDispose]();
      await gone(world, "adopted", "second");
      assert.deepEqual(await left(), ["nobody"]);
    },
  },
  {
    id: "store/session-ended",
    sentence: "writes nothing in a session that has ended",
    async run({ store, prefix, ttl }) {
      const session = await store.session({ ttl });
      await session[Symbol.asyncDispose]();
      await refusal(
        "a write in a session that has ended",
        () => store.create(`${prefix}a`, 1, { session }),
        "ERR_STORE_CONFLICT",
      );
      assert.equal(await store.get(`${prefix}a`), undefined);
    },
  },
  {
    id: "store/session-alive",
    sentence: "keeps a session alive for longer than its lease, as long as its holder lives",
    async run({ store, prefix, ttl }) {
      await using session = await store.session({ ttl });
      await store.create(`${prefix}a`, 1, { session });
      await pause(ttl * 2);
      assert.equal(session.lost.aborted, false);
      assert.notEqual(await store.get(`${prefix}a`), undefined);
    },
  },
  {
    id: "store/session-expired",
    sentence: "tells a holder whose lease the store took away, and deletes its keys",
    needs: "expire",
    async run(world) {
      const { store, prefix, ttl, patience, expire } = world;
      const session = await store.session({ ttl });
      await store.create(`${prefix}a`, 1, { session });
      const lost = new Promise<void>((resolve) => {
        session.lost.addEventListener("abort", () => resolve(), { once: true });
      });
      await expire!(store, session);
      await within(patience, "`lost` is aborted", session.lost.aborted ? Promise.resolve() : lost);
      await gone(world, "a");
    },
  },
];

async function gone({ other, prefix, patience }: StoreWorld, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await until(
      patience,
      `${key} goes with its session`,
      async () => (await other.get(`${prefix}${key}`)) === undefined,
    );
  }
}
