import { isNetloomError, type Change } from "@netloom/core";
import { turns, type Breaks } from "./broken-store.ts";
import { each, revisionOf } from "./told.ts";

/** Stores that tell followers what is not so, by the check that finds it. */
export const watches: Breaks = {
  // Of several updates of one key only the last.
  "store/watch-complete": (inner) => ({
    watch: (prefix, options) =>
      each(inner.watch(prefix, options), ({ revision, changes }) => ({
        revision,
        changes: changes.filter(
          (change, index) =>
            !isUpdate(change) ||
            !changes
              .slice(index + 1)
              .some((later) => isUpdate(later) && later.entry.key === change.entry.key),
        ),
      })),
  }),
  // A connection that is lost while nothing happens, and nobody notices.
  "store/watch-live": (inner) => ({
    async *watch(prefix, options) {
      let deaf = false;
      for await (const batch of inner.watch(prefix, options)) {
        if (deaf) continue;
        yield batch;
        setTimeout(() => (deaf = true), 1);
      }
    },
  }),
  "store/watch-entries": (inner) => ({
    watch: (prefix, options) =>
      each(inner.watch(prefix, options), ({ revision, changes }) => ({
        revision,
        changes: changes.map((change) =>
          change.type === "put"
            ? { ...change, entry: { ...change.entry, created: change.entry.revision } }
            : change,
        ),
      })),
  }),
  // Reaches back one too far, in what is old.
  "store/watch-from": (inner) => ({
    watch: (prefix, { from, ...options }) =>
      inner.watch(prefix, { ...options, from: from > 0 && inner.revision - from >= 10 ? from - 1 : from }),
  }),
  "store/watch-prefix": (inner) => ({
    watch: (prefix, options) => inner.watch(prefix.replace(/\/$/, ""), options),
  }),
  // Loses what happens while it connects.
  "store/watch-resume": (inner) => ({
    async *watch(prefix, options) {
      const before = inner.revision;
      await turns(10);
      const connected = options.from === 0 ? before : inner.revision;
      yield* each(inner.watch(prefix, options), ({ revision, changes }) => ({
        revision,
        changes: changes.filter((change) => revisionOf(change) <= before || revisionOf(change) > connected),
      }));
    },
  }),
  "store/watch-progress": (inner) => ({
    watch: (prefix, options) =>
      each(inner.watch(prefix, options), (batch) =>
        batch.changes.length < 10 ? batch : { ...batch, revision: revisionOf(batch.changes[0]!) },
      ),
  }),
  "store/watch-independent": (inner) => {
    let open = 0;
    return {
      async *watch(prefix, options) {
        const late = ++open > 2;
        try {
          yield* each(inner.watch(prefix, options), ({ revision, changes }) => ({
            revision,
            changes: late ? changes.filter((change) => revisionOf(change) % 2 === 0) : changes,
          }));
        } finally {
          open--;
        }
      },
    };
  },
  "store/watch-abort": (inner) => ({ watch: (prefix, { from }) => inner.watch(prefix, { from }) }),
  // Goes on from where it can.
  "store/compacted": (inner) => ({
    async *watch(prefix, options) {
      try {
        yield* inner.watch(prefix, options);
      } catch (error) {
        if (!isNetloomError(error, "ERR_STORE_COMPACTED")) throw error;
        yield* inner.watch(prefix, { ...options, from: inner.revision });
      }
    },
  }),
};

function isUpdate(change: Change): change is Change & { readonly type: "put" } {
  return change.type === "put" && change.entry.created !== change.entry.revision;
}
