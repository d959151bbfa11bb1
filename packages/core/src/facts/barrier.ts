import { isRace } from "./race.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { AbortOptions, Change, Json, Revision, Store } from "../ports/store.ts";
import { follow } from "./follow.ts";
import type { Keys } from "./keys.ts";

interface Waiter {
  readonly revision: Revision;
  readonly resolve: () => void;
}

/**
 * Answers "has every node got there?". Follows what nodes acknowledge, only while somebody waits.
 */
export class ClusterBarrier {
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #runtime: Runtime;
  readonly #onError: (error: unknown) => void;
  readonly #waiters = new Set<Waiter>();
  readonly #acknowledged = new Map<string, Revision>();
  readonly #nodes = new Set<string>();
  #following: AbortController | undefined;
  #listed = 0;

  constructor(options: {
    readonly store: Store;
    readonly keys: Keys;
    readonly runtime: Runtime;
    readonly onError: (error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#runtime = options.runtime;
    this.#onError = options.onError;
  }

  /** The nodes that have not got to a revision yet, as far as is known; for people. */
  behind(revision: Revision): readonly string[] {
    return [...this.#nodes].filter((node) => (this.#acknowledged.get(node) ?? 0) < revision);
  }

  /** Resolves when the datapath of every registered node has what the facts said at `revision`. */
  settled(revision: Revision, options: AbortOptions = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const aborted = (): void => {
        this.#leave(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        revision,
        resolve: () => {
          signal?.removeEventListener("abort", aborted);
          this.#leave(waiter);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", aborted, { once: true });
      if (this.#following === undefined) this.#follow();
      else this.#check();
    });
  }

  /** The same as of this moment. */
  async settledNow(options: AbortOptions = {}): Promise<void> {
    const key = this.#keys.barrier;
    for (;;) {
      const known = await this.#store.get(key, options);
      try {
        const revision =
          known === undefined
            ? await this.#store.create(key, {}, options)
            : await this.#store.update(key, {}, { ...options, revision: known.revision });
        return await this.settled(revision, options);
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  #follow(): void {
    const controller = new AbortController();
    this.#following = controller;
    this.#listed = 0;
    this.#acknowledged.clear();
    this.#nodes.clear();
    const both = {
      store: this.#store,
      runtime: this.#runtime,
      signal: controller.signal,
      onError: this.#onError,
    };
    const read = (
      prefix: string,
      rows: { clear(): void },
      put: (name: string, value: Json) => void,
      remove: (name: string) => void,
    ): void => {
      const one = (change: Change): void => {
        if (change.type === "put") put(change.entry.key.slice(prefix.length), change.entry.value);
        else remove(change.key.slice(prefix.length));
      };
      void follow({
        ...both,
        prefix,
        onList: ({ entries }) => {
          rows.clear();
          for (const { key, value } of entries) put(key.slice(prefix.length), value);
          this.#listed++;
          this.#check();
        },
        onBatch: ({ changes }) => {
          for (const change of changes) one(change);
          this.#check();
        },
      });
    };
    read(
      this.#keys.acknowledgements,
      this.#acknowledged,
      (node, value) => this.#acknowledged.set(node, revisionIn(value)),
      (node) => this.#acknowledged.delete(node),
    );
    read(
      this.#keys.nodes,
      this.#nodes,
      (node) => this.#nodes.add(node),
      (node) => this.#nodes.delete(node),
    );
  }

  #check(): void {
    if (this.#listed < 2) return;
    const revisions = [...this.#nodes].map((node) => this.#acknowledged.get(node) ?? 0);
    const reached = Math.min(...revisions, Number.POSITIVE_INFINITY);
    for (const waiter of this.#waiters) if (waiter.revision <= reached) waiter.resolve();
  }

  #leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    this.#following?.abort();
    this.#following = undefined;
  }
}

function revisionIn(value: Json): Revision {
  const revision = (value as { readonly revision?: unknown } | null)?.revision;
  return typeof revision === "number" ? revision : 0;
}
