import { NetloomError, systemRandom, type Revision, type Store } from "@netloom/core";
import { ManualClock, memoryStore, type MemoryStore } from "@netloom/core/memory";
import type { StoreConformanceOptions, StoreFault } from "@netloom/conformance/store";

/** A store in memory with one thing wrong. */
export interface BrokenStore extends Store {
  readonly inner: MemoryStore;
  /** What the next creation meets. */
  fault: StoreFault | undefined;
}

export type Write = () => Promise<Revision>;

/** What is wrong. */
interface Wrong extends Partial<Store> {
  /** How a creation meets a fault. */
  readonly meet?: (fault: StoreFault, write: Write) => Promise<Revision>;
}

export type Break = (inner: MemoryStore) => Wrong;

/** By the check that finds it. */
export type Breaks = Readonly<Record<string, Break>>;

/** A right store, but for what `change` does to it. */
export function storeOptions(change: Break = () => ({})): StoreConformanceOptions<BrokenStore> {
  return {
    create: () => {
      // Its time stands still: no session is lost because the machine was busy.
      const inner = memoryStore({ runtime: { clock: new ManualClock(), random: systemRandom } });
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
    ttl: 100,
    patience: 500,
  };
}

/** As a store should meet it. */
export async function rightly(fault: StoreFault, write: Write): Promise<Revision> {
  if (fault === "unavailable") throw unavailable();
  await write();
  throw new NetloomError("ERR_AMBIGUOUS", "no answer came");
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
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

export function unavailable(): NetloomError {
  return new NetloomError("ERR_STORE_UNAVAILABLE", "nobody answers", { retryable: true });
}
