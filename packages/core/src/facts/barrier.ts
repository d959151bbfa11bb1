import { isRace } from "./race.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { AbortOptions, Change, Json, Listing, Revision, Store } from "../ports/store.ts";
import { persist } from "../time/persist.ts";
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
  /** As of which the nodes are known. */
  #nodesKnown: Revision = 0;
  #asking = false;

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
    this.#nodesKnown = 0;
    this.#asking = false;
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
      const nodes = prefix === this.#keys.nodes;
      void follow({
        ...both,
        prefix,
        onList: ({ entries, revision }) => {
          if (nodes && revision < this.#nodesKnown) return;
          if (nodes) this.#nodesKnown = revision;
          rows.clear();
          for (const { key, value } of entries) put(key.slice(prefix.length), value);
          this.#listed++;
          this.#check();
        },
        onBatch: ({ changes, revision }) => {
          if (nodes && revision <= this.#nodesKnown) return;
          if (nodes) this.#nodesKnown = revision;
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
    const acknowledged = Math.min(...revisions, Number.POSITIVE_INFINITY);
    let doubtful = false;
    for (const waiter of this.#waiters) {
      if (waiter.revision > acknowledged) continue;
      if (waiter.revision <= this.#nodesKnown) waiter.resolve();
      else doubtful = true;
    }
    if (doubtful) this.#askNodes();
  }

  /**
   * Who is registered as of what somebody waits for? The watch tells of nodes that come when it comes to it: one may have
   * come before, and not be known yet.
   */
  #askNodes(): void {
    const controller = this.#following;
    if (controller === undefined || this.#asking) return;
    this.#asking = true;
    const { signal } = controller;
    const list = (): Promise<Listing> => this.#store.list(this.#keys.nodes, { signal });
    persist(list, { runtime: this.#runtime, signal, report: this.#onError }).then(
      ({ entries, revision }) => {
        this.#asking = false;
        // Nothing newer: whoever still waits does so for what has not happened yet.
        if (signal.aborted || revision <= this.#nodesKnown) return;
        this.#nodesKnown = revision;
        this.#nodes.clear();
        for (const { key } of entries) this.#nodes.add(key.slice(this.#keys.nodes.length));
        this.#check();
      },
      () => {
        this.#asking = false;
      },
    );
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
