import type { Session } from "@netloom/core";
import type { Breaks } from "./broken-store.ts";
import { each, withLost } from "./told.ts";

/** Stores that let keys live too long, or not long enough, by the check that finds it. */
export const sessions: Breaks = {
  // They go, and nobody is told.
  "store/session-keys": (inner) => {
    const held = new Set<string>();
    return {
      create: (key, value, options) => {
        if (options?.session !== undefined) held.add(key);
        return inner.create(key, value, options);
      },
      watch: (prefix, options) =>
        each(inner.watch(prefix, options), ({ revision, changes }) => ({
          revision,
          changes: changes.filter((change) => change.type === "put" || !held.has(change.key)),
        })),
    };
  },
  "store/session-lost": (inner) => ({
    session: async (options) => {
      const session = await inner.session(options);
      const lost = new AbortController();
      let closing = false;
      session.lost.addEventListener("abort", () => closing || lost.abort(session.lost.reason));
      return withLost(session, lost, () => (closing = true));
    },
  }),
  // Takes with it what no session holds.
  "store/session-apart": (inner) => {
    const free = new Set<string>();
    return {
      create: (key, value, options) => {
        if (options?.session === undefined) free.add(key);
        return inner.create(key, value, options);
      },
      update: (key, value, options) => {
        free.delete(key);
        return inner.update(key, value, options);
      },
      session: async (options) => {
        const session = await inner.session(options);
        return {
          id: session.id,
          lost: session.lost,
          async [Symbol.asyncDispose]() {
            await session[Symbol.asyncDispose]();
            for (const key of free) await inner.delete(key);
          },
        };
      },
    };
  },
  // Once in a session, always in it.
  "store/session-handover": (inner) => {
    const holder = new Map<string, Session>();
    return {
      create: (key, value, options) => {
        if (options?.session !== undefined) holder.set(key, options.session);
        return inner.create(key, value, options);
      },
      update: (key, value, options) => {
        const session = holder.get(key) ?? options.session;
        return inner.update(key, value, session === undefined ? options : { ...options, session });
      },
    };
  },
  "store/session-ended": (inner) => ({
    create: (key, value, options) =>
      inner.create(key, value, options?.session?.lost.aborted === true ? {} : options),
  }),
  // Does not renew its lease.
  "store/session-alive": (inner) => ({
    session: async (options) => {
      const session = await inner.session(options);
      // Node fires timers of one duration in the order they were set, however late: before the one that the check sets.
      setTimeout(() => inner.expire(session), options.ttl * 2);
      return session;
    },
  }),
  "store/session-expired": (inner) => {
    let disposed = false;
    return {
      session: async (options) => {
        const session = await inner.session(options);
        const lost = new AbortController();
        session.lost.addEventListener("abort", () => disposed && lost.abort(session.lost.reason));
        return withLost(session, lost, () => lost.abort());
      },
      async [Symbol.asyncDispose]() {
        disposed = true;
        await inner[Symbol.asyncDispose]();
      },
    };
  },
};
