import {
  isNetloomError,
  NetloomError,
  type Change,
  type ChangeBatch,
  type Entry,
  type Json,
  type Revision,
  type Session,
  type Store,
} from "@netloom/core";
import { memoryStore, type MemoryStore } from "@netloom/core/memory";
import type { StoreConformanceOptions, StoreFault } from "@netloom/conformance/store";

/** A store in memory with one thing wrong. */
export interface BrokenStore extends Store {
  readonly inner: MemoryStore;
  /** What the next creation meets. */
  fault: StoreFault | undefined;
}

type Write = () => Promise<Revision>;

/** What is wrong. */
interface Wrong extends Partial<Store> {
  /** How a creation meets a fault. */
  readonly meet?: (fault: StoreFault, write: Write) => Promise<Revision>;
}

type Break = (inner: MemoryStore) => Wrong;

/** A right store, but for what `change` does to it. */
export function storeOptions(change: Break = () => ({})): StoreConformanceOptions<BrokenStore> {
  return {
    create: () => {
      const inner = memoryStore();
      const { meet = rightly, ...wrong } = change(inner);
      const right: Store = { ...delegate(inner), ...wrong };
      const store: BrokenStore = {
        ...right,
        inner,
        fault: undefined,
        create(key, value, options) {
          const { fault } = store;
          store.fault = undefined;
          const write: Write = () => right.create(key, value, options);
          return fault === undefined ? write() : meet(fault, write);
        },
      };
      return store;
    },
    compact: ({ inner }) => inner.compact(),
    expire: ({ inner }, session) => inner.expire(session),
    fail: (store, fault) => (store.fault = fault),
    ttl: 200,
    patience: 500,
  };
}

async function rightly(fault: StoreFault, write: Write): Promise<Revision> {
  if (fault === "unavailable") throw unavailable();
  await write();
  throw new NetloomError("ERR_AMBIGUOUS", "no answer came");
}

function delegate(inner: MemoryStore): Store {
  return {
    name: "broken",
    get: (key, options) => inner.get(key, options),
    list: (prefix, options) => inner.list(prefix, options),
    create: (key, value, options) => inner.create(key, value, options),
    update: (key, value, options) => inner.update(key, value, options),
    delete: (key, options) => inner.delete(key, options),
    watch: (prefix, options) => inner.watch(prefix, options),
    session: (options) => inner.session(options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

function unavailable(): NetloomError {
  return new NetloomError("ERR_STORE_UNAVAILABLE", "nobody answers", { retryable: true });
}

/** By the check that finds it. */
export const brokenStores: Readonly<Record<string, Break>> = {
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
    delete: async (key, { revision: _, ...options } = {}) =>
      inner.delete(
        key,
        (await inner.get(key))?.value === "second"
          ? options
          : { ...options, ...(_ === undefined ? {} : { revision: _ }) },
      ),
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
      setTimeout(() => inner.expire(session), options.ttl * 1.5);
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

function nothing(key: string): Entry {
  return { key, value: null, created: 0, revision: 0 };
}

function amend(entry: Entry | undefined, change: (entry: Entry) => Partial<Entry>): Entry | undefined {
  return entry === undefined ? undefined : { ...entry, ...change(entry) };
}

function withLost(session: Session, lost: AbortController, closing = (): unknown => undefined): Session {
  return {
    id: session.id,
    lost: lost.signal,
    [Symbol.asyncDispose]: () => {
      closing();
      return session[Symbol.asyncDispose]();
    },
  };
}

async function* each(
  batches: AsyncIterable<ChangeBatch>,
  change: (batch: ChangeBatch) => ChangeBatch,
): AsyncGenerator<ChangeBatch, void, undefined> {
  for await (const batch of batches) yield change(batch);
}

function isUpdate(change: Change): change is Change & { readonly type: "put" } {
  return change.type === "put" && change.entry.created !== change.entry.revision;
}

function revisionOf(change: Change): number {
  return change.type === "put" ? change.entry.revision : change.revision;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}
