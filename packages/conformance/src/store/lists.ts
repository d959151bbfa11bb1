import assert from "node:assert/strict";
import { changesOf, keyOf, revisionOf, told, type StoreCheck } from "./world.ts";

/** Many keys at once. */
export const lists: readonly StoreCheck[] = [
  {
    id: "store/list-prefix",
    sentence: "lists exactly the keys that start with a prefix, letter by letter",
    async run({ store, prefix }) {
      const keys = ["a", "a/1", "a/2/3", "a0", "a.", "a%", "a_b", "aab", "A/1", "b/a/1"];
      for (const key of keys) await store.create(`${prefix}${key}`, key);
      for (const start of ["a/", "a", "a.", "a%", "a_", "*", "A", ""]) {
        const { entries } = await store.list(`${prefix}${start}`);
        const found = entries.map(({ key }) => key.slice(prefix.length)).sort();
        assert.deepEqual(found, keys.filter((key) => key.startsWith(start)).sort(), `prefix ${start}`);
      }
    },
  },
  {
    id: "store/list-order",
    sentence: "lists in the order of the keys",
    async run({ store, prefix }) {
      const keys = ["b", "a/2", "a/10", "a", "Z", "a-1", "a.1", "a0", "10", "9"];
      for (const key of keys) await store.create(`${prefix}${key}`, key);
      const { entries } = await store.list(prefix);
      const found = entries.map(({ key }) => key.slice(prefix.length));
      assert.deepEqual(found, found.toSorted(byCodeUnits));
    },
  },
  {
    id: "store/list-entries",
    sentence: "lists each entry as `get` has it",
    async run({ store, prefix }) {
      const revision = await store.create(`${prefix}a`, { one: 1 });
      await store.update(`${prefix}a`, { two: 2 }, { revision });
      await store.create(`${prefix}b`, []);
      for (const entry of (await store.list(prefix)).entries)
        assert.deepEqual({ ...entry }, { ...(await store.get(entry.key)) });
    },
  },
  {
    id: "store/list-revision",
    sentence: "tells with a list the revision from which a watch misses nothing and repeats nothing",
    async run(world) {
      const { store, prefix } = world;
      const before = await store.create(`${prefix}before`, 1);
      await store.create(`${prefix}gone`, 1);
      await store.delete(`${prefix}gone`);
      const { revision } = await store.list(prefix);
      assert.ok(revision >= before, "a list is no older than what was written before");
      await store.create(`${prefix}after`, 1);
      await store.create(`${prefix}last`, 1);
      const batches = await told(world, revision, (change) => keyOf(change) === `${prefix}last`);
      assert.deepEqual(changesOf(batches).map(keyOf), [`${prefix}after`, `${prefix}last`]);
    },
  },
  {
    id: "store/list-snapshot",
    sentence: "lists the store as it was at one revision, while others write",
    async run(world) {
      const { store, other, prefix } = world;
      const { revision: start } = await store.list(prefix);
      const writing = writePairs(world, 40);
      const listings = [];
      for (let round = 0; round < 20; round++) listings.push(await other.list(prefix));
      await writing;
      await store.create(`${prefix}end`, 1);
      const batches = await told(world, start, (change) => keyOf(change) === `${prefix}end`);
      for (const { revision, entries } of listings) {
        const expected = new Map<string, number>();
        for (const change of changesOf(batches)) {
          if (revisionOf(change) > revision) break;
          if (change.type === "put") expected.set(change.entry.key, change.entry.revision);
          else expected.delete(change.key);
        }
        const found = new Map(entries.map((entry) => [entry.key, entry.revision]));
        assert.deepEqual(sorted(found), sorted(expected), `the list as of ${revision}`);
      }
    },
  },
];

/** Two keys that change in turns: whoever sees the second but not the first has seen two moments. */
async function writePairs(
  { store, prefix }: { readonly store: StoreLike; readonly prefix: string },
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await store.create(`${prefix}pair/a${round}`, round);
    await store.create(`${prefix}pair/b${round}`, round);
    if (round >= 3) {
      await store.delete(`${prefix}pair/a${round - 3}`);
      await store.delete(`${prefix}pair/b${round - 3}`);
    }
  }
}

type StoreLike = Parameters<StoreCheck["run"]>[0]["store"];

function sorted(map: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...map].sort(([a], [b]) => byCodeUnits(a, b));
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
