import assert from "node:assert/strict";
import type { Json } from "@netloom/core";
import { refusal } from "../kit/reject.ts";
import type { StoreCheck } from "./world.ts";

/** One key at a time. */
export const writes: readonly StoreCheck[] = [
  {
    id: "store/get-absent",
    sentence: "has no entry for a key that nobody created",
    async run({ store, prefix }) {
      assert.equal(await store.get(`${prefix}nothing`), undefined);
    },
  },
  {
    id: "store/create",
    sentence: "keeps what was created, under the revision that it told",
    async run({ store, other, prefix }) {
      const key = `${prefix}a`;
      const revision = await store.create(key, { text: "one" });
      assert.deepEqual(plain(await other.get(key)), {
        key,
        value: { text: "one" },
        created: revision,
        revision,
      });
    },
  },
  {
    id: "store/create-exists",
    sentence: "refuses to create a key that is there, and leaves it as it is",
    async run({ store, prefix }) {
      const key = `${prefix}a`;
      const revision = await store.create(key, "first");
      await refusal("creating a key again", () => store.create(key, "second"), "ERR_STORE_EXISTS");
      const entry = await store.get(key);
      assert.deepEqual([entry?.value, entry?.revision], ["first", revision]);
    },
  },
  {
    id: "store/update",
    sentence: "updates an entry that has not changed, and remembers when it was created",
    async run({ store, prefix }) {
      const key = `${prefix}a`;
      const created = await store.create(key, 1);
      const revision = await store.update(key, 2, { revision: created });
      assert.deepEqual(plain(await store.get(key)), { key, value: 2, created, revision });
    },
  },
  {
    id: "store/update-conflict",
    sentence: "refuses to update an entry that has changed, and leaves it as it is",
    async run({ store, prefix }) {
      const key = `${prefix}a`;
      const created = await store.create(key, "first");
      const revision = await store.update(key, "second", { revision: created });
      await refusal(
        "an update at a former revision",
        () => store.update(key, "third", { revision: created }),
        "ERR_STORE_CONFLICT",
      );
      const entry = await store.get(key);
      assert.deepEqual([entry?.value, entry?.revision], ["second", revision]);
    },
  },
  {
    id: "store/update-absent",
    sentence: "refuses to update what is gone",
    async run({ store, prefix }) {
      const key = `${prefix}a`;
      const revision = await store.create(key, 1);
      await store.delete(key);
      await refusal(
        "an update of a deleted key",
        () => store.update(key, "again", { revision }),
        "ERR_STORE_NOT_FOUND",
      );
      assert.equal(await store.get(key), undefined);
    },
  },
  {
    id: "store/delete",
    sentence: "deletes an entry, with the revision it still has or without one",
    async run({ store, prefix }) {
      for (const withRevision of [true, false]) {
        const key = `${prefix}${String(withRevision)}`;
        const revision = await store.create(key, "old");
        const deleted = await store.delete(key, withRevision ? { revision } : {});
        assert.ok(deleted !== undefined, "a deletion that happened has a revision");
        assert.equal(await store.get(key), undefined);
      }
    },
  },
  {
    id: "store/delete-absent",
    sentence: "has nothing to delete where there is nothing, and says so",
    async run({ store, prefix }) {
      assert.equal(await store.delete(`${prefix}nothing`), undefined);
      assert.equal(await store.delete(`${prefix}nothing`, { revision: 1 }), undefined);
    },
  },
  {
    id: "store/delete-conflict",
    sentence: "refuses to delete an entry that has changed",
    async run({ store, prefix }) {
      const key = `${prefix}a`;
      const created = await store.create(key, "first");
      await store.update(key, "second", { revision: created });
      await refusal(
        "a deletion at a former revision",
        () => store.delete(key, { revision: created }),
        "ERR_STORE_CONFLICT",
      );
      assert.equal((await store.get(key))?.value, "second");
    },
  },
  {
    id: "store/recreate",
    sentence: "tells an entry from one that bore its name before",
    async run({ store, prefix }) {
      const key = `${prefix}a`;
      const before = await store.create(key, 1);
      await store.delete(key);
      const again = await store.create(key, 1);
      const entry = await store.get(key);
      assert.deepEqual([entry?.created, entry?.revision], [again, again]);
      assert.ok(again > before, "it was created later");
    },
  },
  {
    id: "store/revisions",
    sentence: "grows its revision with every change of any key",
    async run({ store, other, prefix }) {
      const told = [await store.create(`${prefix}a`, 1), await other.create(`${prefix}b`, "b")];
      told.push(await store.update(`${prefix}a`, 2, { revision: told[0]! }));
      told.push((await other.delete(`${prefix}b`)) ?? 0);
      told.push(await store.create(`${prefix}c`, 1));
      for (const [index, revision] of told.entries()) {
        assert.ok(
          Number.isSafeInteger(revision) && revision > (told[index - 1] ?? 0),
          `revisions ${told.join(", ")}`,
        );
      }
    },
  },
  {
    id: "store/values",
    sentence: "keeps every kind of plain data as it is",
    async run({ store, prefix }) {
      const values: readonly Json[] = [
        ...[null, true, false, 0, -1, 1.5, 2 ** 40, "", "text", "ünï\n\u{1f578}\u0001", [], {}],
        ["a", ["b", [null]], { c: [] }],
        { empty: "", nested: { list: [1, "2", false], "key with / and .": null } },
        "x".repeat(20_000),
      ];
      for (const [index, value] of values.entries()) {
        await store.create(`${prefix}${index}`, value);
        assert.deepEqual((await store.get(`${prefix}${index}`))?.value, value);
      }
    },
  },
  {
    id: "store/copied-in",
    sentence: "does not see what happens to a value after it was written",
    async run({ store, prefix }) {
      const created = { list: ["one"] };
      const revision = await store.create(`${prefix}a`, created);
      created.list.push("more");
      assert.deepEqual((await store.get(`${prefix}a`))?.value, { list: ["one"] });
      const updated = { list: ["two"] };
      await store.update(`${prefix}a`, updated, { revision });
      updated.list.push("more");
      assert.deepEqual((await store.get(`${prefix}a`))?.value, { list: ["two"] });
    },
  },
  {
    id: "store/copied-out",
    sentence: "does not change when somebody changes what it returned",
    async run({ store, prefix }) {
      await store.create(`${prefix}a`, { list: ["one"] });
      spoil((await store.get(`${prefix}a`))?.value);
      for (const { value } of (await store.list(prefix)).entries) spoil(value);
      const entry = await store.get(`${prefix}a`);
      assert.deepEqual(entry?.value, { list: ["one"] });
    },
  },
];

/** Tries to change it; what is frozen cannot be. */
function spoil(value: Json | undefined): void {
  try {
    (value as { list: string[] }).list.push("more");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Without what an implementation may carry besides. */
function plain(entry: object | undefined): unknown {
  return entry === undefined ? undefined : { ...entry };
}
