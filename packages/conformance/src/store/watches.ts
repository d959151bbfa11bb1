import assert from "node:assert/strict";
import { isNetloomError, type Change, type ChangeBatch, type Store } from "@netloom/core";
import { until, within } from "../kit/wait.ts";
import { at, changesOf, keyOf, revisionOf, told, type StoreCheck } from "./world.ts";

/** What followers are told. */
export const watches: readonly StoreCheck[] = [
  {
    id: "store/watch-complete",
    sentence: "tells a watch of every change once, in the order in which it happened",
    async run(world) {
      const { store, other, prefix } = world;
      const { revision } = await store.list(prefix);
      const made: [string, number][] = [];
      for (let round = 0; round < 20; round++) {
        const [key, by] = [`${prefix}${round % 3}`, round % 2 === 0 ? store : other];
        const known = await by.get(key);
        if (known === undefined) made.push([key, await by.create(key, round)]);
        else if (round % 5 === 4) made.push([key, (await by.delete(key))!]);
        else made.push([key, await by.update(key, round, { revision: known.revision })]);
      }
      const changes = changesOf(await told(world, revision, at(made.at(-1)![1])));
      assert.deepEqual(
        changes.map((change) => [keyOf(change), revisionOf(change)]),
        made,
      );
    },
  },
  {
    id: "store/watch-live",
    sentence: "tells a watch of what happens while it waits",
    async run(world) {
      const { store, other, prefix } = world;
      const { revision } = await store.list(prefix);
      const seen: number[] = [];
      const made: number[] = [];
      const stop = new AbortController();
      const following = follow(
        store.watch(prefix, { from: revision, signal: stop.signal }),
        ({ changes }) => {
          seen.push(...changes.map(revisionOf));
        },
      );
      following.catch(() => undefined); // what it was not told shows below
      try {
        for (let round = 0; round < 5; round++) {
          made.push(await other.create(`${prefix}${round}`, round));
          await until(world.patience, "a watch that waits is told", () => seen.length === made.length);
        }
        assert.deepEqual(seen, made);
      } finally {
        stop.abort();
      }
    },
  },
  {
    id: "store/watch-entries",
    sentence: "tells of each change with the entry as it was written, or that it was deleted",
    async run(world) {
      const { store, prefix } = world;
      const { revision } = await store.list(prefix);
      const key = `${prefix}a`;
      const created = await store.create(key, { n: 1 });
      const updated = await store.update(key, { n: 2 }, { revision: created });
      const deleted = (await store.delete(key))!;
      const changes = changesOf(await told(world, revision, at(deleted)));
      assert.deepEqual(changes.map(plain), [
        { type: "put", entry: { key, value: { n: 1 }, created, revision: created } },
        { type: "put", entry: { key, value: { n: 2 }, created, revision: updated } },
        { type: "delete", key, revision: deleted },
      ]);
    },
  },
  {
    id: "store/watch-from",
    sentence: "begins a watch right after the revision it is told to",
    async run(world) {
      const { store, prefix } = world;
      const made: number[] = [];
      for (let round = 0; round < 12; round++) made.push(await store.create(`${prefix}${round}`, round));
      for (const [index, from] of made.slice(0, -1).entries()) {
        const changes = changesOf(await told(world, from, at(made.at(-1))));
        assert.deepEqual(changes.map(revisionOf), made.slice(index + 1));
      }
    },
  },
  {
    id: "store/watch-prefix",
    sentence: "tells a watch of keys that start with its prefix only",
    async run(world) {
      const { store, prefix } = world;
      const { revision } = await store.list(prefix);
      for (const key of ["a/1", "ab", "A/1", "b/a/1", "a/2"]) await store.create(`${prefix}${key}`, key);
      await store.delete(`${prefix}ab`);
      await store.create(`${prefix}a/end`, 1);
      const last = (change: Change): boolean => keyOf(change) === `${prefix}a/end`;
      const changes = changesOf(await told(world, revision, last, { prefix: `${prefix}a/` }));
      assert.deepEqual(changes.map(keyOf), [`${prefix}a/1`, `${prefix}a/2`, `${prefix}a/end`]);
    },
  },
  {
    id: "store/watch-resume",
    sentence: "misses and repeats nothing where a watch goes on from the last batch's revision",
    async run(world) {
      const { store, other, prefix } = world;
      let { revision: from } = await store.list(prefix);
      const made: number[] = [];
      const writing = (async () => {
        for (let round = 0; round < 30; round++) made.push(await other.create(`${prefix}${round}`, round));
      })();
      const seen: number[] = [];
      const reading = (async () => {
        while (seen.length < 30) {
          const { revision, changes } = await nextBatch(store, prefix, from);
          seen.push(...changes.map(revisionOf));
          from = revision;
        }
      })();
      await within(
        world.patience,
        "a watch that is resumed tells everything",
        Promise.all([writing, reading]),
      );
      assert.deepEqual(seen, made);
    },
  },
  {
    id: "store/watch-progress",
    sentence: "tells with each batch how far it has got, and never goes back",
    async run(world) {
      const { store, prefix } = world;
      const { revision: start } = await store.list(prefix);
      let last = 0;
      for (let round = 0; round < 10; round++) last = await store.create(`${prefix}${round}`, round);
      let progress = start;
      for (const { revision, changes } of await told(world, start, at(last))) {
        assert.ok(revision >= progress, `a batch says ${revision} after one that said ${progress}`);
        for (const change of changes) {
          const told = revisionOf(change);
          assert.ok(
            told > progress && told <= revision,
            `${told} in the batch up to ${revision} after ${progress}`,
          );
        }
        progress = revision;
      }
    },
  },
  {
    id: "store/watch-independent",
    sentence: "tells each of several watches everything",
    async run(world) {
      const { store, prefix } = world;
      const { revision } = await store.list(prefix);
      const last = (change: Change): boolean => keyOf(change) === `${prefix}9`;
      const watching = [
        told(world, revision, last),
        told(world, revision, last),
        told(world, revision, last),
      ];
      for (let round = 0; round < 10; round++) await store.create(`${prefix}${round}`, round);
      for (const batches of await Promise.all(watching)) assert.equal(changesOf(batches).length, 10);
    },
  },
  {
    id: "store/watch-abort",
    sentence: "ends a watch that is called off, without an error",
    async run({ store, prefix, patience }) {
      const { revision: from } = await store.list(prefix);
      const stop = new AbortController();
      let began = false;
      const waiting = follow(store.watch(prefix, { from, signal: stop.signal }), () => (began = true));
      await store.create(`${prefix}a`, 1);
      await until(patience, "the watch begins", () => began);
      stop.abort();
      await within(patience, "a watch ends when it is called off", waiting);
    },
  },
  {
    id: "store/compacted",
    sentence: "refuses a watch from what it has forgotten, and serves one from a new list",
    needs: "compact",
    async run(world) {
      const { store, prefix, patience, compact } = world;
      const from = await store.create(`${prefix}a`, 1);
      for (let round = 0; round < 5; round++) await store.create(`${prefix}b${round}`, round);
      await compact!(store);
      const error = await within(
        patience,
        "a watch from a forgotten revision is refused",
        nextBatch(store, prefix, from).catch((error: unknown) => error),
      );
      assert.ok(isNetloomError(error, "ERR_STORE_COMPACTED"), `ERR_STORE_COMPACTED, not ${String(error)}`);
      const { revision, entries } = await store.list(prefix);
      assert.equal(entries.length, 6);
      const last = await store.create(`${prefix}c`, 1);
      assert.deepEqual(changesOf(await told(world, revision, at(last))).map(keyOf), [`${prefix}c`]);
    },
  },
];

/** One batch that says something; the watch is left after it. */
async function nextBatch(store: Store, prefix: string, from: number): Promise<ChangeBatch> {
  const stop = new AbortController();
  try {
    for await (const batch of store.watch(prefix, { from, signal: stop.signal })) return batch;
  } finally {
    stop.abort();
  }
  throw new Error("the watch ended");
}

async function follow(watch: AsyncIterable<ChangeBatch>, tell: (batch: ChangeBatch) => void): Promise<void> {
  for await (const batch of watch) tell(batch);
}

function plain(change: Change): unknown {
  return change.type === "put" ? { type: "put", entry: { ...change.entry } } : { ...change };
}
