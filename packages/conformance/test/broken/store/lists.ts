import { turns, type Breaks } from "./broken-store.ts";

/** Stores that are wrong about many keys, by the check that finds it. */
export const lists: Breaks = {
  // As some databases compare text.
  "store/list-prefix": (inner) => ({
    list: async (prefix, options) => {
      const { entries, revision } = await inner.list("", options);
      return {
        entries: entries.filter(({ key }) => key.toLowerCase().startsWith(prefix.toLowerCase())),
        revision,
      };
    },
  }),
  "store/list-order": (inner) => ({
    list: async (prefix, options) => {
      const { entries, revision } = await inner.list(prefix, options);
      const natural = new Intl.Collator("en", { numeric: true });
      return { entries: entries.toSorted((a, b) => natural.compare(a.key, b.key)), revision };
    },
  }),
  "store/list-entries": (inner) => ({
    list: async (prefix, options) => {
      const { entries, revision } = await inner.list(prefix, options);
      return { entries: entries.map((entry) => ({ ...entry, created: entry.revision })), revision };
    },
  }),
  // As of the last entry, not of the last change.
  "store/list-revision": (inner) => ({
    list: async (prefix, options) => {
      const { entries, revision } = await inner.list(prefix, options);
      return { entries, revision: entries.length === 1 ? entries[0]!.revision : revision };
    },
  }),
  // Two pages, two moments.
  "store/list-snapshot": (inner) => ({
    list: async (prefix, options) => {
      const first = await inner.list(prefix, options);
      await turns(5);
      const { entries, revision } = await inner.list(prefix, options);
      const half = `${prefix}pair/b`;
      return {
        entries: [
          ...first.entries.filter(({ key }) => key < half),
          ...entries.filter(({ key }) => key >= half),
        ],
        revision,
      };
    },
  }),
};
