import { NetloomError, type Entry, type Json } from "@netloom/core";
import type { Breaks } from "./broken-store.ts";

/** Stores that are wrong about one key, by the check that finds it. */
export const writes: Breaks = {
  "store/get-absent": (inner) => ({
    get: async (key, options) =>
      (await inner.get(key, options)) ?? (key.endsWith("nothing") ? nothing(key) : undefined),
  }),
  // The first revision of all is taken for none.
  "store/create": (inner) => ({
    get: async (key, options) =>
      amend(await inner.get(key, options), ({ revision }) => (revision === 1 ? { created: 0 } : {})),
  }),
  // An upsert of strings.
  "store/create-exists": (inner) => ({
    create: async (key, value, options) => {
      const known = await inner.get(key);
      if (typeof value !== "string" || known === undefined) return inner.create(key, value, options);
      return inner.update(key, value, { ...options, revision: known.revision });
    },
  }),
  "store/update": (inner) => {
    const forget = ({ revision }: Entry): Partial<Entry> => ({ created: revision });
    return {
      get: async (key, options) => amend(await inner.get(key, options), forget),
      list: async (prefix, options) => {
        const { entries, revision } = await inner.list(prefix, options);
        return { entries: entries.map((entry) => amend(entry, forget)!), revision };
      },
    };
  },
  "store/update-conflict": (inner) => ({
    update: async (key, value, options) => {
      const known = typeof value === "string" ? await inner.get(key) : undefined;
      return inner.update(key, value, { ...options, revision: known?.revision ?? options.revision });
    },
  }),
  "store/update-absent": (inner) => ({
    update: async (key, value, options) =>
      typeof value === "string" && (await inner.get(key)) === undefined
        ? inner.create(key, value)
        : inner.update(key, value, options),
  }),
  "store/delete": (inner) => ({
    delete: async (key, options) => {
      const known = await inner.get(key);
      const revision = await inner.delete(key, options);
      return known?.value === "old" && options?.revision === undefined ? undefined : revision;
    },
  }),
  "store/delete-absent": (inner) => ({
    delete: async (key, options) => {
      if (options?.revision === undefined && (await inner.get(key)) === undefined)
        throw new NetloomError("ERR_STORE_NOT_FOUND", `${key} is gone`);
      return inner.delete(key, options);
    },
  }),
  "store/delete-conflict": (inner) => ({
    delete: async (key, options) => {
      const known = await inner.get(key);
      return inner.delete(key, known?.value === "second" ? { revision: known.revision } : options);
    },
  }),
  "store/recreate": (inner) => {
    const first = new Map<string, number>();
    return {
      create: async (key, value, options) => {
        const revision = await inner.create(key, value, options);
        if (!first.has(key)) first.set(key, revision);
        return revision;
      },
      get: async (key, options) => amend(await inner.get(key, options), () => ({ created: first.get(key)! })),
    };
  },
  // A deletion does not count as a change.
  "store/revisions": (inner) => ({
    delete: async (key, options) => {
      const known = await inner.get(key);
      const revision = await inner.delete(key, options);
      return known?.value === "b" ? known.revision : revision;
    },
  }),
  "store/values": (inner) => ({
    create: (key, value, options) => inner.create(key, value === 1.5 ? 1 : value, options),
  }),
  "store/copied-in": (inner) => {
    const given = new Map<string, unknown>();
    return {
      create: (key, value, options) => {
        if (typeof value === "object" && value !== null && "list" in value) given.set(key, value);
        return inner.create(key, value, options);
      },
      get: async (key, options) =>
        amend(await inner.get(key, options), ({ created, revision }) =>
          created === revision && given.has(key) ? { value: structuredClone(given.get(key)) as Json } : {},
        ),
    };
  },
  "store/copied-out": (inner) => {
    const shared = new Map<string, Json>();
    return {
      get: async (key, options) => {
        const entry = await inner.get(key, options);
        const value = entry?.value;
        if (typeof value !== "object" || value === null || !("list" in value)) return entry;
        const name = JSON.stringify([key, entry!.revision]);
        if (!shared.has(name)) shared.set(name, structuredClone(value));
        return { ...entry!, value: shared.get(name)! };
      },
    };
  },
};

function nothing(key: string): Entry {
  return { key, value: null, created: 0, revision: 0 };
}

function amend(entry: Entry | undefined, change: (entry: Entry) => Partial<Entry>): Entry | undefined {
  return entry === undefined ? undefined : { ...entry, ...change(entry) };
}
