import { isNetloomError, NetloomError } from "@netloom/core";
import { rightly, unavailable, type Breaks } from "./broken-store.ts";
import { withLost } from "./told.ts";

/** Stores that do not give up, do not close, or do not own up, by the check that finds it. */
export const lifecycle: Breaks = {
  "store/abort-reads": (inner) => ({ get: (key) => inner.get(key) }),
  "store/abort-writes": (inner) => ({
    update: async (key, value, { signal, ...options }) => {
      const revision = await inner.update(key, value, options);
      signal?.throwIfAborted();
      return revision;
    },
  }),
  "store/closed": (inner) => ({
    get: async (key, options) => {
      try {
        return await inner.get(key, options);
      } catch (error) {
        if (isNetloomError(error, "ERR_CLOSED")) return undefined;
        throw error;
      }
    },
  }),
  "store/closed-twice": (inner) => {
    let closed = false;
    return {
      async [Symbol.asyncDispose]() {
        if (closed) throw new NetloomError("ERR_CLOSED", "it is closed already");
        closed = true;
        await inner[Symbol.asyncDispose]();
      },
    };
  },
  "store/closed-watches": (inner) => ({
    async *watch(prefix, options) {
      yield* inner.watch(prefix, options);
      if (options.signal?.aborted !== true) await new Promise(() => undefined);
    },
  }),
  "store/closed-sessions": (inner) => {
    let closed = false;
    return {
      session: async (options) => {
        const session = await inner.session(options);
        const lost = new AbortController();
        session.lost.addEventListener("abort", () => closed || lost.abort(session.lost.reason));
        return withLost(session, lost);
      },
      async [Symbol.asyncDispose]() {
        closed = true;
        await inner[Symbol.asyncDispose]();
      },
    };
  },
  // It did happen.
  "store/unavailable": () => ({
    meet: async (fault, write) => {
      if (fault === "unavailable") await write();
      return rightly(fault, write);
    },
  }),
  // Says that it did not happen, where nobody knows.
  "store/ambiguous": () => ({
    meet: async (fault, write) => {
      if (fault === "ambiguous") await write();
      throw unavailable();
    },
  }),
};
