import { NetloomError } from "../errors.ts";
import type { Timer } from "../ports/clock.ts";
import type { Runtime } from "../ports/runtime.ts";
import type {
  AbortOptions,
  Change,
  ChangeBatch,
  DeleteOptions,
  Entry,
  Json,
  Listing,
  Revision,
  Session,
  Store,
  UpdateOptions,
  WriteOptions,
} from "../ports/store.ts";
import { systemRuntime } from "../system/index.ts";

export interface MemoryStoreOptions {
  /** @defaultValue the process's clock and chance */
  readonly runtime?: Runtime;
  /** How many changes a watcher may lag behind before it must list again. @defaultValue 100000 */
  readonly history?: number;
}

/**
 * A store in this process: for tests, and for clusters that live in one process. Linearizable; values are copied
 * in and out and frozen.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new MemoryStore(options.runtime ?? systemRuntime, options.history ?? 100_000);
}

export class MemoryStore implements Store {
  readonly name = "memory";
  readonly #runtime: Runtime;
  readonly #history: number;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<Watcher>();
  readonly #sessions = new Map<string, MemorySession>();
  #revision: Revision = 0;
  #log: Change[] = [];
  /** Changes up to here are forgotten. */
  #compacted: Revision = 0;
  #nextSession = 1;
  #closed = false;

  constructor(runtime: Runtime, history: number) {
    this.#runtime = runtime;
    this.#history = history;
  }

  get revision(): Revision {
    return this.#revision;
  }

  async get(key: string, options: AbortOptions = {}): Promise<Entry | undefined> {
    this.#assertOpen(options.signal);
    return this.#entries.get(key);
  }

  async list(prefix: string, options: AbortOptions = {}): Promise<Listing> {
    this.#assertOpen(options.signal);
    const entries = [...this.#entries.values()].filter((entry) => entry.key.startsWith(prefix));
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { entries, revision: this.#revision };
  }

  async create(key: string, value: Json, options: WriteOptions = {}): Promise<Revision> {
    this.#assertOpen(options.signal);
    if (this.#entries.has(key)) {
      throw new NetloomError("ERR_STORE_EXISTS", `${key} is there already`, {
        input: key,
        backend: this.name,
      });
    }
    const revision = this.#revision + 1;
    return this.#put({ key, value: copy(value), created: revision, revision }, options.session);
  }

  async update(key: string, value: Json, options: UpdateOptions): Promise<Revision> {
    this.#assertOpen(options.signal);
    const known = this.#entries.get(key);
    if (known === undefined) {
      throw new NetloomError("ERR_STORE_NOT_FOUND", `${key} is gone`, { input: key, backend: this.name });
    }
    this.#assertRevision(known, options.revision);
    const revision = this.#revision + 1;
    return this.#put({ key, value: copy(value), created: known.created, revision }, options.session);
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<Revision | undefined> {
    this.#assertOpen(options.signal);
    const known = this.#entries.get(key);
    if (known === undefined) return undefined;
    if (options.revision !== undefined) this.#assertRevision(known, options.revision);
    return this.#remove(key);
  }

  async *watch(
    prefix: string,
    options: { readonly from: Revision; readonly signal?: AbortSignal },
  ): AsyncGenerator<ChangeBatch, void, undefined> {
    this.#assertOpen();
    if (options.from < this.#compacted) throw this.#compactedError(options.from);
    const watcher = new Watcher(prefix, this.#log, options.from);
    this.#watchers.add(watcher);
    const wake = (): void => watcher.close();
    options.signal?.addEventListener("abort", wake, { once: true });
    try {
      while (options.signal?.aborted !== true && !this.#closed) {
        if (watcher.lost) throw this.#compactedError(options.from);
        const changes = watcher.take();
        if (changes === undefined) return;
        if (changes.length > 0) yield { revision: this.#revision, changes };
        else await watcher.more();
      }
    } finally {
      this.#watchers.delete(watcher);
      options.signal?.removeEventListener("abort", wake);
    }
  }

  async session(options: { readonly ttl: number } & AbortOptions): Promise<Session> {
    this.#assertOpen(options.signal);
    const id = `session-${this.#nextSession++}`;
    const session = new MemorySession(id, options.ttl, this.#runtime, () => this.#endSession(id));
    this.#sessions.set(id, session);
    return session;
  }

  /** Takes a lease away, as a store does from a client it cannot hear. For tests. */
  expire(session: Session): void {
    this.#sessions.get(session.id)?.end();
  }

  /** Forgets the past: a watch from before now rejects with `ERR_STORE_COMPACTED`. For tests. */
  compact(): void {
    this.#log = [];
    this.#compacted = this.#revision;
    for (const watcher of this.#watchers) watcher.lose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
    for (const session of this.#sessions.values()) session.end();
  }

  #put(entry: Entry, session: Session | undefined): Revision {
    Object.freeze(entry);
    for (const holder of this.#sessions.values()) holder.keys.delete(entry.key);
    if (session !== undefined) {
      const holder = this.#sessions.get(session.id);
      if (holder === undefined) {
        throw new NetloomError("ERR_STORE_CONFLICT", `the session of ${entry.key} has ended`, {
          input: entry.key,
        });
      }
      holder.keys.add(entry.key);
    }
    this.#entries.set(entry.key, entry);
    this.#tell({ type: "put", entry });
    return entry.revision;
  }

  #remove(key: string): Revision {
    this.#entries.delete(key);
    const revision = this.#revision + 1;
    this.#tell({ type: "delete", key, revision });
    return revision;
  }

  #tell(change: Change): void {
    this.#revision = change.type === "put" ? change.entry.revision : change.revision;
    this.#log.push(change);
    if (this.#log.length > this.#history) {
      const forgotten = this.#log.splice(0, this.#log.length - this.#history / 2);
      const last = forgotten.at(-1);
      if (last !== undefined) this.#compacted = last.type === "put" ? last.entry.revision : last.revision;
    }
    for (const watcher of this.#watchers) watcher.push(change);
  }

  #endSession(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    for (const key of session.keys) if (this.#entries.has(key)) this.#remove(key);
  }

  #assertRevision(entry: Entry, wanted: Revision): void {
    if (entry.revision === wanted) return;
    throw new NetloomError(
      "ERR_STORE_CONFLICT",
      `${entry.key} is at revision ${entry.revision}, not ${wanted}`,
      {
        input: entry.key,
        remedy: "read it again",
        retryable: true,
        backend: this.name,
      },
    );
  }

  #compactedError(from: Revision): NetloomError {
    return new NetloomError(
      "ERR_STORE_COMPACTED",
      `revision ${from} is forgotten (up to ${this.#compacted})`,
      {
        input: from,
        remedy: "list again and watch from there",
        retryable: true,
        backend: this.name,
      },
    );
  }

  #assertOpen(signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (this.#closed) throw new NetloomError("ERR_CLOSED", "the store is closed", { backend: this.name });
  }
}

class Watcher {
  readonly #prefix: string;
  #queue: Change[] | undefined;
  #wake: (() => void) | undefined;
  lost = false;

  constructor(prefix: string, log: readonly Change[], from: Revision) {
    this.#prefix = prefix;
    this.#queue = [];
    for (const change of log) {
      if ((change.type === "put" ? change.entry.revision : change.revision) > from) this.push(change);
    }
  }

  push(change: Change): void {
    const key = change.type === "put" ? change.entry.key : change.key;
    if (!key.startsWith(this.#prefix)) return;
    this.#queue?.push(change);
    this.#wake?.();
  }

  /** `undefined` once closed. */
  take(): Change[] | undefined {
    const taken = this.#queue;
    if (taken !== undefined) this.#queue = [];
    return taken;
  }

  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  lose(): void {
    this.lost = true;
    this.#wake?.();
  }

  close(): void {
    this.#queue = undefined;
    this.#wake?.();
  }
}

/** Renews itself through the clock: a process that is paused for longer than the lease loses it. */
class MemorySession implements Session {
  readonly id: string;
  readonly keys = new Set<string>();
  readonly #lost = new AbortController();
  readonly #ttl: number;
  readonly #runtime: Runtime;
  readonly #ended: () => void;
  #deadline: number;
  #timer: Timer;

  constructor(id: string, ttl: number, runtime: Runtime, ended: () => void) {
    this.id = id;
    this.#ttl = ttl;
    this.#runtime = runtime;
    this.#ended = ended;
    this.#deadline = runtime.clock.monotonic() + ttl;
    this.#timer = runtime.clock.after(ttl / 3, () => this.#renew());
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  end(): void {
    this.#timer.cancel();
    this.#ended();
    this.#lost.abort(new NetloomError("ERR_CLOSED", `${this.id} has ended`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  #renew(): void {
    const now = this.#runtime.clock.monotonic();
    if (now > this.#deadline) return this.end();
    this.#deadline = now + this.#ttl;
    this.#timer = this.#runtime.clock.after(this.#ttl / 3, () => this.#renew());
  }
}

function copy(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return Object.freeze(value.map(copy));
  const object: Record<string, Json> = {};
  for (const [key, inner] of Object.entries(value)) {
    // As JSON does: what is not there is not kept.
    if (inner !== undefined) object[key] = copy(inner);
  }
  return Object.freeze(object);
}
