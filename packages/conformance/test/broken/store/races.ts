import type { Entry } from "@netloom/core";
import { turns, type Breaks } from "./broken-store.ts";

/** Stores that let two win, by the check that finds it. */
export const races: Breaks = {
  // Everyone who comes at the same time has won.
  "store/race-create": (inner) => {
    const busy = new Map<string, number>();
    return {
      create: async (key, value, options) => {
        const others = busy.get(key) ?? 0;
        busy.set(key, others + 1);
        try {
          return await inner.create(key, value, options);
        } catch (error) {
          const known = await inner.get(key);
          if (others === 0 || typeof value !== "string" || known === undefined) throw error;
          return known.revision;
        } finally {
          busy.set(key, busy.get(key)! - 1);
        }
      },
    };
  },
  "store/race-update": (inner) => ({
    update: async (key, value, options) => {
      try {
        return await inner.update(key, value, options);
      } catch (error) {
        const known = await inner.get(key);
        if (typeof value !== "number" || value < 20 || known === undefined) throw error;
        return known.revision;
      }
    },
  }),
  "store/race-delete": (inner) => {
    let last = 0;
    return {
      delete: async (key, options) => {
        const known = await inner.get(key);
        const revision = await inner.delete(key, options);
        if (revision !== undefined) last = revision;
        return revision ?? (known?.value === "old" ? last : undefined);
      },
    };
  },
  // A cache between the store and those in a hurry.
  "store/linearizable": (inner) => {
    const cache = new Map<string, Entry | undefined>();
    let [busy, count] = [0, 0];
    return {
      get: async (key, options) => {
        busy++;
        const hurried = busy > 3 && ++count % 5 === 0 && cache.has(key);
        const entry = hurried ? cache.get(key) : await inner.get(key, options);
        await turns(1);
        busy--;
        cache.set(key, entry);
        return entry;
      },
    };
  },
};
