import {
  NetloomError,
  type AbortOptions,
  type ChangeBatch,
  type DeleteOptions,
  type Entry,
  type Json,
  type Listing,
  type Revision,
  type Session,
  type Store,
  type UpdateOptions,
  type WriteOptions,
} from "@netloom/core";
import type { CallFault, Life } from "../kernel/life.ts";
import type { SimulatedStore } from "./server.ts";
import { ClientSession } from "./session.ts";
import { Watch } from "./watch.ts";

/** One process's connection to the store: every call takes its time, and may fail on the way there or back. */
export class StoreClient implements Store {
  readonly name = "simulated";
  /** Until then nothing gets through. */
  partitionedUntil = 0;
  /** Hears what the process is about to learn. */
  onSeen: ((prefix: string, revision: Revision) => void) | undefined;
  readonly #store: SimulatedStore;
  readonly #life: Life;
  readonly #watches = new Set<Watch>();

  constructor(store: SimulatedStore, life: Life) {
    this.#store = store;
    this.#life = life;
  }

  /** Is it a connection of this process, in whichever life? */
  of(process: string): boolean {
    return this.#life.name === process || this.#life.name.startsWith(`${process}#`);
  }

  get(key: string, options: AbortOptions = {}): Promise<Entry | undefined> {
    return this.#read(`get ${key}`, () => this.#store.server.get(key), options);
  }

  async list(prefix: string, options: AbortOptions = {}): Promise<Listing> {
    const listing = await this.#read(`list ${prefix}`, () => this.#store.server.list(prefix), options);
    this.onSeen?.(prefix, listing.revision);
    return listing;
  }

  create(key: string, value: Json, options: WriteOptions = {}): Promise<Revision> {
    const { session } = options;
    return this.#write(
      `create ${key}`,
      () => this.#store.server.create(key, value, session === undefined ? {} : { session }),
      options,
    );
  }

  update(key: string, value: Json, options: UpdateOptions): Promise<Revision> {
    const { session, revision } = options;
    return this.#write(
      `update ${key}`,
      () =>
        this.#store.server.update(key, value, session === undefined ? { revision } : { revision, session }),
      options,
    );
  }

  delete(key: string, options: DeleteOptions = {}): Promise<Revision | undefined> {
    const { revision } = options;
    const only = revision === undefined ? {} : { revision };
    return this.#write(`delete ${key}`, () => this.#store.server.delete(key, only), options);
  }

  async *watch(
    prefix: string,
    options: { readonly from: Revision } & AbortOptions,
  ): AsyncGenerator<ChangeBatch, void, undefined> {
    const { from, signal } = options;
    await this.#read(`watch ${prefix} from ${from}`, async () => undefined, options);
    const watch = new Watch(this.#store, this.#life, { prefix, from, blocked: () => this.#partitioned });
    this.#watches.add(watch);
    const aborted = (): void => watch.end();
    signal?.addEventListener("abort", aborted, { once: true });
    try {
      for (;;) {
        if (signal?.aborted === true) return;
        const batch = await watch.next();
        if (batch === undefined) return;
        this.onSeen?.(prefix, batch.revision);
        yield batch;
      }
    } finally {
      signal?.removeEventListener("abort", aborted);
      watch.end();
      this.#watches.delete(watch);
    }
  }

  async session(options: { readonly ttl: number } & AbortOptions): Promise<Session> {
    const opened = await this.#write("session", () => this.#store.open(options.ttl), options);
    return new ClientSession(opened.id, options.ttl, this.#life, {
      renew: () => this.#write(`renew ${opened.id}`, async () => this.#store.renew(opened.id), {}),
      close: () => this.#write(`close ${opened.id}`, async () => this.#store.closeSession(opened.id), {}),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dropWatches();
  }

  /** The connection is lost; so are its watches, and they say so. */
  dropWatches(): void {
    for (const watch of this.#watches) watch.disconnect();
  }

  /** The process is gone: nobody listens any more. */
  hangUp(): void {
    for (const watch of this.#watches) watch.abandon();
    this.#watches.clear();
  }

  get #partitioned(): boolean {
    return this.partitionedUntil > this.#store.now;
  }

  #read<T>(what: string, act: () => Promise<T>, options: AbortOptions): Promise<T> {
    const { rates } = this.#store;
    const fails = this.#partitioned || this.#life.chance.happens(rates.before + rates.after / 2);
    return this.#call(what, act, fails ? "before" : "none", options);
  }

  #write<T>(what: string, act: () => Promise<T>, options: AbortOptions): Promise<T> {
    const { rates } = this.#store;
    const dice = this.#life.chance.next();
    let fault: CallFault = "none";
    if (this.#partitioned || dice < rates.before) fault = "before";
    else if (dice < rates.before + rates.after) fault = "after";
    return this.#call(what, act, fault, options);
  }

  #call<T>(what: string, act: () => Promise<T>, fault: CallFault, { signal }: AbortOptions): Promise<T> {
    const { chance } = this.#life;
    const there = this.#store.latency(chance);
    const back = this.#store.latency(chance) * (fault === "none" ? 1 : 8);
    const error = (): NetloomError =>
      fault === "before"
        ? new NetloomError("ERR_STORE_UNAVAILABLE", `${what}: no answer`, {
            retryable: true,
            backend: this.name,
          })
        : new NetloomError("ERR_AMBIGUOUS", `${what}: the answer was lost`, { backend: this.name });
    return this.#life.call(what, act, { there, back, fault, error, signal });
  }
}
