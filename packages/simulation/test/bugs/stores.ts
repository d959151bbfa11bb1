import {
  isNetloomError,
  NetloomError,
  type Change,
  type ChangeBatch,
  type Entry,
  type Listing,
} from "@netloom/core";
import type { Json, Store } from "@netloom/core";

/** A store of which some calls are done otherwise. */
export function altered(store: Store, calls: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, property) {
      const own = Reflect.get(calls, property) as unknown;
      if (own !== undefined) return own;
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === "function" ? (value as (...of: unknown[]) => unknown).bind(target) : value;
    },
  });
}

const isAgent = (process: string): boolean => process.startsWith("node");
const isOperator = (process: string): boolean => process.startsWith("operator");

/** #19936: the collector deletes what it saw unused, whatever has happened since. */
export function collectsBlindly(store: Store, process: string): Store {
  if (!isOperator(process)) return store;
  return altered(store, {
    delete: (key) => store.delete(key),
    async update(key, value, options) {
      const known = key.includes("/identities/") ? await store.get(key) : undefined;
      return store.update(key, value, { ...options, revision: known?.revision ?? options.revision });
    },
  });
}

/** A number is another's as soon as nobody here uses it, whoever still knows what it meant. */
export function reusesAtOnce(store: Store, process: string): Store {
  if (!isOperator(process)) return store;
  return altered(store, {
    async update(key, value, options) {
      if ((value as { retired?: boolean }).retired !== true) return store.update(key, value, options);
      await store.delete(key, { revision: options.revision });
      return options.revision;
    },
  });
}

/** The other half of #19936: whoever takes a reference leaves no trace where the collector looks. */
export function takesWithoutTouch(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  return altered(store, {
    update: async (key, value, options) =>
      key.includes("/identity-labels/") ? options.revision : store.update(key, value, options),
  });
}

/** #38319: every node finds a number for a label set by itself. */
export function noKeyPerLabelSet(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  const own = (key: string): string =>
    key.includes("/identity-labels/") && !key.includes("@") ? `${key}@${process.slice(0, 5)}` : key;
  const tried = new Set<string>();
  return altered(store, {
    get: async (key) => (tried.has(key) && key.includes("/identities/") ? undefined : store.get(own(key))),
    update: (key, value, options) => store.update(own(key), value, options),
    delete: (key, options) => store.delete(own(key), options),
    create(key, value, options) {
      const text = JSON.stringify(value);
      // The first choice follows from the labels; a choice by chance does not.
      if (key.includes("/state/identities/") && !tried.has(text)) {
        tried.add(text).add(key);
        return Promise.reject(new NetloomError("ERR_STORE_EXISTS", key));
      }
      tried.delete(key);
      return store.create(own(key), value, options);
    },
  });
}

/** #16805: the collector counts the references of its own nodes only. */
export function collectsForOthers(store: Store, process: string): Store {
  if (!isOperator(process)) return store;
  return altered(store, {
    async list(prefix, options): Promise<Listing> {
      const listing = await store.list(prefix, options);
      if (!prefix.includes("/identity-references/")) return listing;
      return { ...listing, entries: listing.entries.filter(({ key }) => key.endsWith("/node1")) };
    },
  });
}

/** #35451: what was given back is brought back by a synchronisation in the background. */
export function bringsBack(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  return altered(store, {
    async delete(key, options) {
      const known = key.includes("/identity-references/") ? await store.get(key) : undefined;
      const revision = await store.delete(key, options);
      if (known !== undefined) await store.create(key, known.value);
      return revision;
    },
  });
}

/** #42050: identities reach the agent after the pods that bear them. */
export function identitiesComeLast(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  return altered(store, {
    async *watch(prefix, options): AsyncGenerator<ChangeBatch, void, undefined> {
      let late: Change[] = [];
      for await (const batch of store.watch(prefix, options)) {
        const held = batch.changes.filter(
          (change) => change.type === "put" && change.entry.key.includes("/state/identities/"),
        );
        const changes = [...late, ...batch.changes.filter((change) => !held.includes(change))];
        late = held;
        yield { ...batch, changes };
      }
    },
  });
}

/** An acknowledgement of what was heard, not of what is enforced: everybody who waits is told too early. */
export function acknowledgesEarly(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  const early = (key: string, value: Json): Json =>
    key.includes("/acknowledgements/") ? { revision: (value as { revision: number }).revision + 12 } : value;
  return altered(store, {
    create: (key, value, options) => store.create(key, early(key, value), options),
    update: (key, value, options) => store.update(key, early(key, value), options),
  });
}

/** A list from a member of the store that lags behind: what Sieve calls a stale state. */
export function listsThePast(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  let past: readonly Entry[] = [];
  return altered(store, {
    async list(prefix, options): Promise<Listing> {
      const listing = await store.list(prefix, options);
      if (!prefix.endsWith("/state/")) return listing;
      const entries = past.length > 0 ? past : listing.entries.slice(0, -2);
      past = listing.entries;
      return { ...listing, entries };
    },
  });
}

/** Before claims were confirmed: what is given is used. */
export function usesUnconfirmed(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  return altered(store, {
    update: async (key, value, options) =>
      key.includes("/claims/") ? options.revision : store.update(key, value, options),
  });
}

/** A write whose answer is lost is taken for one that did not happen. */
export function takesLostForFailed(store: Store, process: string): Store {
  if (!isAgent(process)) return store;
  const forget = (error: unknown): never => {
    if (!isNetloomError(error, "ERR_AMBIGUOUS")) throw error;
    throw new NetloomError("ERR_STORE_UNAVAILABLE", "no answer");
  };
  return altered(store, {
    create: (key, value, options) => store.create(key, value, options).catch(forget),
    update: (key, value, options) => store.update(key, value, options).catch(forget),
  });
}
