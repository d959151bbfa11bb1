import assert from "node:assert/strict";
import type { Identity, LabelSet } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { givesUp, refusal } from "../kit/reject.ts";
import { within } from "../kit/wait.ts";
import { labels, numbered, sizeOf, type IdentityCheck } from "./world.ts";

/** One set, one number, whoever asks. */
export const numbers: readonly IdentityCheck[] = [
  {
    id: "identity/number",
    sentence: "gives a label set a number of its range",
    async run({ join, range }) {
      const set = labels("k8s:app=web", "k8s:io.kubernetes.pod.namespace=default");
      const { id, labels: named } = await (await join("a")).allocate(set);
      assert.ok(Number.isInteger(id) && id >= range.first && id <= range.last, `${id} is in its range`);
      assert.equal(named.key, set.key);
    },
  },
  {
    id: "identity/same-set",
    sentence: "gives the same number to the same labels, in whatever order they were written",
    async run({ join }) {
      const one = await join("a");
      const first = await one.allocate(labels("k8s:app=web", "k8s:tier=front"));
      assert.equal((await one.allocate(labels("k8s:tier=front", "k8s:app=web"))).id, first.id);
    },
  },
  {
    id: "identity/distinct",
    sentence: "gives different numbers to different labels, however alike",
    async run({ join }) {
      const one = await join("a");
      const sets = [["k8s:a=b"], ["k8s:a"], ["k8s:b=a"], ["k8s:a=b", "k8s:b=a"], ["container:a=b"], []];
      const ids = await Promise.all(sets.map(async (set) => (await one.allocate(labels(...set))).id));
      assert.equal(new Set(ids).size, sets.length, ids.join(", "));
    },
  },
  {
    id: "identity/agreement",
    sentence: "agrees with the allocators of other nodes",
    async run({ join }) {
      const [a, b] = [await join("a"), await join("b")];
      for (const set of [labels("k8s:app=agreed"), labels("k8s:app=agreed", "k8s:tier=back")])
        assert.equal((await b.allocate(set)).id, (await a.allocate(set)).id);
    },
  },
  {
    id: "identity/concurrent",
    sentence: "agrees with those that allocate at the same time",
    async run({ join }) {
      const nodes = await Promise.all(["a", "b", "c", "d"].map((node) => join(node)));
      const rows = await Promise.all(
        nodes.map((node, index) =>
          Promise.all([0, 1, 2, 3].map((set) => node.allocate(numbered((set + index) % 4)))),
        ),
      );
      assertOneToOne(rows.flat());
    },
  },
  {
    id: "identity/restart",
    sentence: "gives a set the number that it had before a restart",
    async run({ join }) {
      const before = await join("a");
      const { id } = await before.allocate(numbered(0));
      await before.allocate(numbered(1));
      await before[Symbol.asyncDispose]();
      assert.equal((await (await join("a")).allocate(numbered(0))).id, id);
    },
  },
  {
    id: "identity/exhausted",
    sentence: "says when no number is free, and gives those that there are",
    needs: "range",
    async run(world) {
      const one = await world.join("a");
      const size = sizeOf(world);
      const identities: Identity[] = [];
      for (let set = 0; set < size; set++) identities.push(await one.allocate(numbered(set)));
      assertOneToOne(identities);
      const error = await refusal(
        "one more set",
        () => one.allocate(numbered(size)),
        "ERR_IDENTITY_EXHAUSTED",
      );
      assert.equal(error.retryable, true, "retryable");
      assert.equal((await one.allocate(numbered(0))).id, identities[0]!.id, "a set that has one keeps it");
    },
  },
  {
    id: "identity/revision",
    sentence: "names the store's revision as of which everyone can know a number",
    async run({ join, store, patience }) {
      const one = await join("a");
      await one.allocate(numbered(0));
      const before = (await store.list("")).revision;
      const { id, labels: set, revision } = await one.allocate(numbered(1));
      assert.ok(revision > before, `it was nowhere at ${before}, and ${revision} is said to have it`);
      assert.ok(revision <= (await store.list("")).revision, "it is in the store");
      // Whoever sees the store as of that revision, and nothing later, finds the same number.
      const past = memoryStore();
      const stop = new AbortController();
      const replay = async (): Promise<void> => {
        for await (const { changes } of store.watch("", { from: 0, signal: stop.signal })) {
          for (const change of changes) {
            if (change.type === "delete") await past.delete(change.key);
            else {
              const { key, value } = change.entry;
              const known = await past.get(key);
              if (known === undefined) await past.create(key, value);
              else await past.update(key, value, { revision: known.revision });
            }
            if ((change.type === "put" ? change.entry.revision : change.revision) === revision) return;
          }
        }
      };
      await within(patience, "the revision is one of the store's", replay());
      stop.abort();
      assert.equal((await (await join("late", past)).allocate(set)).id, id);
    },
  },
  {
    id: "identity/abort",
    sentence: "gives up when it is told to",
    async run({ join }) {
      const one = await join("a");
      await givesUp("allocate", (signal) => one.allocate(numbered(0), { signal }));
      // Nobody waits behind who has given up, and what is there already is no reason not to.
      await one.allocate(numbered(0));
      await givesUp("allocate", (signal) => one.allocate(numbered(0), { signal }));
    },
  },
  {
    id: "identity/lifecycle",
    sentence: "starts twice and is disposed twice without harm",
    async run({ join }) {
      const one = await join("a");
      const { id } = await one.allocate(numbered(0));
      await one.start();
      assert.equal((await one.allocate(numbered(0))).id, id);
      for (let time = 0; time < 2; time++) await one[Symbol.asyncDispose]();
    },
  },
];

/** One number for each set, one set for each number. */
function assertOneToOne(identities: readonly { readonly id: number; readonly labels: LabelSet }[]): void {
  const pairs = new Set(identities.map(({ id, labels: set }) => `${id} ${set.key}`));
  const ids = new Set(identities.map(({ id }) => id));
  const sets = new Set(identities.map(({ labels: set }) => set.key));
  assert.deepEqual([ids.size, sets.size], [pairs.size, pairs.size], [...pairs].sort().join(", "));
}
