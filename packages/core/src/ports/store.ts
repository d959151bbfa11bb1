/** What a store keeps: plain data, copied in and out. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Grows with every change of the store. `0` is before all. */
export type Revision = number;

export interface AbortOptions {
  /** Gives up waiting: the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

export interface Entry {
  readonly key: string;
  readonly value: Json;
  /** When this key was created. Tells an old entry from one that bears its name again. */
  readonly created: Revision;
  /** When it changed last. */
  readonly revision: Revision;
}

export interface Listing {
  /** As of one moment, in the order of their keys. */
  readonly entries: readonly Entry[];
  /** The store as of this revision: a watch from here misses nothing. */
  readonly revision: Revision;
}

export type Change =
  | { readonly type: "put"; readonly entry: Entry }
  | { readonly type: "delete"; readonly key: string; readonly revision: Revision };

export interface ChangeBatch {
  /** Everything up to this revision has now been told. */
  readonly revision: Revision;
  /** In the order in which it happened; may be empty, to tell of progress. */
  readonly changes: readonly Change[];
}

export interface WriteOptions extends AbortOptions {
  /** The key disappears with this session, and with no other: a write without one makes it stay. */
  readonly session?: Session;
}

export interface UpdateOptions extends WriteOptions {
  /** Compare-and-swap: only where the entry still has this revision. */
  readonly revision: Revision;
}

export interface DeleteOptions extends AbortOptions {
  /** Only where the entry still has this revision. @defaultValue any */
  readonly revision?: Revision;
}

/**
 * A lease: as long as its holder lives, so do its keys. Good for "who is alive", never for exclusion. Closing it
 * twice is no error.
 */
export interface Session extends AsyncDisposable {
  readonly id: string;
  /** Aborted when the lease is lost or the session is closed: by its holder, or with its store. */
  readonly lost: AbortSignal;
}

/**
 * The facts of a cluster. Linearizable per key; watches are ordered and complete. Exclusion comes from
 * {@link Store.create | create-if-absent} and compare-and-swap alone.
 *
 * Any call may reject with `ERR_STORE_UNAVAILABLE` (did not happen, retryable) or `ERR_AMBIGUOUS` (may have
 * happened: re-read before a retry). Once the store is disposed, which may be done twice, its sessions are closed,
 * its watches end and every call rejects with `ERR_CLOSED`.
 */
export interface Store extends AsyncDisposable {
  /** Short stable name used in logs and errors, e.g. `etcd`. */
  readonly name: string;
  get(key: string, options?: AbortOptions): Promise<Entry | undefined>;
  /** Every key that starts with `prefix`, letter by letter: no character of it means anything else. */
  list(prefix: string, options?: AbortOptions): Promise<Listing>;
  /** @throws `ERR_STORE_EXISTS` where the key is there already, `ERR_STORE_CONFLICT` where the session has ended. */
  create(key: string, value: Json, options?: WriteOptions): Promise<Revision>;
  /**
   * @throws `ERR_STORE_CONFLICT` where the entry has changed or the session has ended, `ERR_STORE_NOT_FOUND` where it
   *   is gone.
   */
  update(key: string, value: Json, options: UpdateOptions): Promise<Revision>;
  /**
   * Resolves to the revision of the deletion, or `undefined` where there was nothing to delete.
   * @throws `ERR_STORE_CONFLICT` where `revision` was given and the entry has changed.
   */
  delete(key: string, options?: DeleteOptions): Promise<Revision | undefined>;
  /**
   * Every change of keys that start with `prefix`, after revision `from`. Ends when aborted.
   * @throws `ERR_STORE_COMPACTED` where the store has forgotten `from`: list again.
   */
  watch(prefix: string, options: { readonly from: Revision } & AbortOptions): AsyncIterable<ChangeBatch>;
  /** Opens a lease that the store keeps alive until it is closed. `ttl` in milliseconds. */
  session(options: { readonly ttl: number } & AbortOptions): Promise<Session>;
}
