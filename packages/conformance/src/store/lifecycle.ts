import assert from "node:assert/strict";
import { isNetloomError, type Store } from "@netloom/core";
import { givesUp, refusal } from "../kit/reject.ts";
import { until, within } from "../kit/wait.ts";
import type { StoreCheck, StoreWorld } from "./world.ts";

/** Callers who give up, stores that are closed, networks that fail. */
export const lifecycle: readonly StoreCheck[] = [
  {
    id: "store/abort-reads",
    sentence: "gives up reading when it is told to",
    async run({ store, prefix, ttl }) {
      await givesUp("get", (signal) => store.get(`${prefix}a`, { signal }));
      await givesUp("list", (signal) => store.list(prefix, { signal }));
      await givesUp("session", (signal) => store.session({ ttl, signal }));
    },
  },
  {
    id: "store/abort-writes",
    sentence: "gives up writing when it is told to, and has not written",
    async run({ store, prefix }) {
      const revision = await store.create(`${prefix}a`, 1);
      await givesUp("create", (signal) => store.create(`${prefix}b`, 1, { signal }));
      await givesUp("update", (signal) => store.update(`${prefix}a`, 2, { revision, signal }));
      await givesUp("delete", (signal) => store.delete(`${prefix}a`, { signal }));
      const { entries } = await store.list(prefix);
      assert.deepEqual(
        entries.map((entry) => [entry.key, entry.revision]),
        [[`${prefix}a`, revision]],
      );
    },
  },
  {
    id: "store/closed",
    sentence: "refuses every call after it was disposed",
    async run({ store, prefix, ttl }) {
      await store[Symbol.asyncDispose]();
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        get: () => store.get(`${prefix}a`),
        list: () => store.list(prefix),
        create: () => store.create(`${prefix}a`, 1),
        update: () => store.update(`${prefix}a`, 1, { revision: 1 }),
        delete: () => store.delete(`${prefix}a`),
        session: () => store.session({ ttl }),
        watch: () => readAll(store, prefix, 0),
      };
      for (const [name, call] of Object.entries(calls)) await refusal(name, call, "ERR_CLOSED");
    },
  },
  {
    id: "store/closed-twice",
    sentence: "can be disposed twice",
    async run({ store }) {
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  },
  {
    id: "store/closed-watches",
    sentence: "ends the watches that wait when it is disposed",
    async run({ store, prefix, patience }) {
      const { revision } = await store.list(prefix);
      let began = false;
      const watching = readAll(store, prefix, revision, () => (began = true)).catch((error: unknown) => {
        if (!isNetloomError(error, "ERR_CLOSED")) throw error;
      });
      await store.create(`${prefix}a`, 1);
      await until(patience, "the watch begins", () => began);
      await store[Symbol.asyncDispose]();
      await within(patience, "a watch ends with its store", watching);
    },
  },
  {
    id: "store/closed-sessions",
    sentence: "closes its sessions when it is disposed",
    async run({ store, ttl, patience }) {
      const session = await store.session({ ttl });
      await store[Symbol.asyncDispose]();
      await until(patience, "`lost` is aborted", () => session.lost.aborted);
    },
  },
  {
    id: "store/unavailable",
    sentence: "says of a write that did not happen that it may be tried again",
    needs: "fail",
    async run({ store, prefix, fail }) {
      fail!(store, "unavailable");
      const write = (): Promise<unknown> => store.create(`${prefix}a`, 1);
      const error = await refusal("a write to a store that is not there", write, "ERR_STORE_UNAVAILABLE");
      assert.equal(error.retryable, true, "retryable");
      assert.equal(await store.get(`${prefix}a`), undefined, "it did not happen");
      await write();
    },
  },
  {
    id: "store/ambiguous",
    sentence: "says of a write that may have happened that nobody knows",
    needs: "fail",
    async run({ store, prefix, fail }: StoreWorld) {
      fail!(store, "ambiguous");
      await refusal("a write without an answer", () => store.create(`${prefix}a`, 1), "ERR_AMBIGUOUS");
      // To read again tells; a second attempt then either writes or finds the first.
      const entry = await store.get(`${prefix}a`);
      if (entry === undefined) await store.create(`${prefix}a`, 1);
      else await refusal("creating it again", () => store.create(`${prefix}a`, 1), "ERR_STORE_EXISTS");
      assert.equal((await store.get(`${prefix}a`))?.value, 1);
    },
  },
];

async function readAll(
  store: Store,
  prefix: string,
  from: number,
  tell = (): unknown => undefined,
): Promise<void> {
  for await (const batch of store.watch(prefix, { from })) if (batch.changes.length > 0) tell();
}
