import { isNetloomError, NetloomError } from "../errors.ts";
import type { Keys } from "../facts/keys.ts";
import type { LabelSet, LabelTable } from "../labels/index.ts";
import type { Identity, IdentityAllocator } from "../ports/identity.ts";
import type { Random } from "../ports/random.ts";
import type { AbortOptions, Entry, Json, Revision, Store } from "../ports/store.ts";
import { CLUSTER_IDENTITIES } from "./numeric.ts";

export interface StoreIdentitiesOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly labels: LabelTable;
  readonly random: Random;
  /** Holds the references. */
  readonly node: string;
  /** Work that nobody waits for, to be done again until it succeeds. @defaultValue tried once */
  readonly later?: (task: () => Promise<void>) => void;
  /** @defaultValue 256 to 65535 */
  readonly range?: { readonly first: number; readonly last: number };
}

/** A number's own record: which labels it stands for. */
export interface IdentityRecord {
  readonly labels: readonly string[];
  /**
   * When the key that points to it was created, once somebody has used it through that key; 0 before. A key that was
   * deleted and made anew is another, and settles the record anew.
   */
  readonly settled: Revision;
  /**
   * Nobody uses it any more. The number means nothing from now on, and is not given to other labels before every datapath
   * has forgotten what it meant: until then the record stays.
   */
  readonly retired?: true;
}

/** What a number means to everybody: nothing before somebody has used it, nor once nobody does. */
export function isInForce(record: Json): boolean {
  const { settled, retired } = (record ?? {}) as Partial<IdentityRecord>;
  return settled !== 0 && retired !== true;
}

interface Held {
  readonly identity: Identity;
  count: number;
}

/**
 * Identities by compare-and-swap on three keys, safe with any number of agents, pauses and crashes:
 *
 * - `labels → number`, created only if absent, makes a label set's number unique;
 * - `number → labels`, created only if absent, makes a number's label set unique;
 * - `reference of node`, a number's users.
 *
 * A reference counts once `labels → number` has been rewritten after it was made: the collector deletes that key
 * only at the revision it had before it saw no references, so one of the two fails and tries again. The number's
 * own record is settled by whoever first uses it through that key, which in the same way fails a collector that is
 * about to retire it because the key before was deleted, or because no key pointed to it. See `identity/collect.ts`
 * for the other side.
 */
export class StoreIdentities implements IdentityAllocator {
  readonly name = "store";
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #labels: LabelTable;
  readonly #random: Random;
  readonly #node: string;
  readonly #range: { readonly first: number; readonly last: number };
  readonly #later: (task: () => Promise<void>) => void;
  readonly #held = new Map<string, Held>();
  /** Numbers that were given back here, and whose reference may still be in the store. */
  readonly #surplus = new Set<number>();
  /** One operation at a time for a label set: references are counted on this side. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: StoreIdentitiesOptions) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#labels = options.labels;
    this.#random = options.random;
    this.#node = options.node;
    this.#range = options.range ?? CLUSTER_IDENTITIES;
    this.#later = options.later ?? ((task): void => void task().catch(() => undefined));
  }

  async start(): Promise<void> {}

  allocate(labels: LabelSet, options: AbortOptions = {}): Promise<Identity> {
    return this.#alone(labels.key, async () => {
      options.signal?.throwIfAborted();
      const held = this.#held.get(labels.key);
      if (held !== undefined) {
        held.count++;
        return held.identity;
      }
      const identity = await this.#acquire(labels, options);
      this.#held.set(labels.key, { identity, count: 1 });
      return identity;
    });
  }

  release(identity: Identity, options: AbortOptions = {}): Promise<void> {
    const { key } = identity.labels;
    return this.#alone(key, async () => {
      const held = this.#held.get(key);
      if (held?.identity.id === identity.id) {
        if (--held.count > 0) return;
        // Before the store is asked: should the answer be lost, the next who wants it takes a new reference.
        this.#held.delete(key);
        this.#surplus.add(identity.id);
      }
      try {
        await this.#dropSurplus(key, identity.id, options);
      } catch (error) {
        this.#later(() => this.#alone(key, () => this.#dropSurplus(key, identity.id, {})));
        throw error;
      }
    });
  }

  /** Gives back what a life of this node before this one held and this one does not. */
  async prune(options: AbortOptions = {}): Promise<void> {
    const { entries } = await this.#store.list(this.#keys.identityReferences(), options);
    for (const { key } of entries) {
      const id = Number.parseInt(key.slice(this.#keys.identityReferences().length), 10);
      if (key !== this.#reference(id)) continue;
      const record = await this.#store.get(this.#keys.identity(id), options);
      const labels = record === undefined ? "" : this.#labelsOf(record).key;
      await this.#alone(labels, async () => {
        if (this.#isHeld(id)) return;
        this.#surplus.add(id);
        await this.#dropSurplus(labels, id, options);
      });
    }
  }

  /** To be called alone for the labels. */
  async #dropSurplus(labels: string, id: number, options: AbortOptions): Promise<void> {
    if (!this.#surplus.has(id) || this.#held.get(labels)?.identity.id === id) return;
    await this.#store.delete(this.#reference(id), options);
    this.#surplus.delete(id);
  }

  #isHeld(id: number): boolean {
    return [...this.#held.values()].some(({ identity }) => identity.id === id);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #acquire(labels: LabelSet, options: AbortOptions): Promise<Identity> {
    for (;;) {
      options.signal?.throwIfAborted();
      const pointer = await this.#store.get(this.#keys.identityLabels(labels.key), options);
      if (pointer === undefined) await this.#propose(labels, options);
      else {
        const identity = await this.#take(labels, pointer, options);
        if (identity !== undefined) return identity;
      }
    }
  }

  /** Claims a number for the labels, and the labels for the number. Whoever loses withdraws. */
  async #propose(labels: LabelSet, options: AbortOptions): Promise<void> {
    const claim = await this.#claimNumber(labels, options);
    try {
      await this.#store.create(this.#keys.identityLabels(labels.key), { id: claim.id }, options);
    } catch (error) {
      if (!isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
      const winner = await this.#store.get(this.#keys.identityLabels(labels.key), options);
      if (claim.revision !== undefined && winner !== undefined && numberIn(winner.value) !== claim.id) {
        await quietly(
          this.#store.delete(this.#keys.identity(claim.id), { ...options, revision: claim.revision }),
        );
      }
    }
  }

  /** `revision` is set where this call made the record. */
  async #claimNumber(labels: LabelSet, options: AbortOptions): Promise<{ id: number; revision?: number }> {
    const size = this.#range.last - this.#range.first + 1;
    const record: Json = { labels: labels.toStrings(), settled: 0 };
    // The first choice follows from the labels, so that agents who race for them mostly race for one number.
    let offset = labels.hash() % size;
    for (let attempt = 0; attempt < 16; attempt++) {
      const id = this.#range.first + offset;
      try {
        return { id, revision: await this.#store.create(this.#keys.identity(id), record, options) };
      } catch (error) {
        if (!isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
        const there = await this.#store.get(this.#keys.identity(id), options);
        if (there !== undefined && this.#means(there, labels)) return { id };
      }
      offset = Math.floor(this.#random.next() * size);
    }
    return this.#claimListed(labels, record, options);
  }

  /** The range is nearly full, or chance unkind: look at all of it. */
  async #claimListed(
    labels: LabelSet,
    record: Json,
    options: AbortOptions,
  ): Promise<{ id: number; revision?: number }> {
    const { entries } = await this.#store.list(this.#keys.identities, options);
    const used = new Set(entries.map(({ key }) => Number(key.slice(this.#keys.identities.length))));
    for (let id = this.#range.first; id <= this.#range.last; id++) {
      if (used.has(id)) continue;
      try {
        return { id, revision: await this.#store.create(this.#keys.identity(id), record, options) };
      } catch (error) {
        if (!isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
      }
    }
    const size = this.#range.last - this.#range.first + 1;
    throw new NetloomError("ERR_IDENTITY_EXHAUSTED", `all ${size} identities are in use`, {
      input: labels.toStrings(),
      remedy: "leave labels with many values out of identities (option `identityLabels` of the agent)",
      retryable: true,
    });
  }

  /** `undefined`: something moved, look again. */
  async #take(labels: LabelSet, pointer: Entry, options: AbortOptions): Promise<Identity | undefined> {
    const id = numberIn(pointer.value);
    const record = id === undefined ? undefined : await this.#store.get(this.#keys.identity(id), options);
    if (id === undefined || record === undefined || !this.#means(record, labels)) {
      await quietly(this.#store.delete(pointer.key, { ...options, revision: pointer.revision }));
      return undefined;
    }
    const settled = await this.#settle(record, pointer, options);
    if (settled === undefined) return undefined;
    try {
      await this.#store.create(this.#reference(id), { node: this.#node }, options).catch(allowExists);
      if (!(await this.#touch(pointer, id, options))) {
        this.#later(() => this.prune());
        return undefined;
      }
    } catch (error) {
      // The reference may be there without a holder. It may as well have been there before, as after a restart: only
      // all that is held tells.
      this.#later(() => this.prune());
      throw error;
    }
    this.#surplus.delete(id);
    return { id, labels, revision: settled };
  }

  /** The revision as of which the record holds for good, `undefined` where it has changed meanwhile. */
  async #settle(record: Entry, pointer: Entry, options: AbortOptions): Promise<Revision | undefined> {
    const { labels, settled } = record.value as unknown as IdentityRecord;
    if (settled === pointer.created) return record.revision;
    const value: Json = { labels, settled: pointer.created };
    return quietly(this.#store.update(record.key, value, { ...options, revision: record.revision }));
  }

  /**
   * Rewrites `labels → number`, so that a collector that saw it before fails. Others who do the same only cost another
   * try; but one that was deleted and made anew says nothing of the record that was read before.
   */
  async #touch(pointer: Entry, id: number, options: AbortOptions): Promise<boolean> {
    let known: Entry | undefined = pointer;
    while (known !== undefined && known.created === pointer.created) {
      const done = await quietly(
        this.#store.update(known.key, { id }, { ...options, revision: known.revision }),
      );
      if (done !== undefined) return true;
      known = await this.#store.get(pointer.key, options);
    }
    return false;
  }

  #means(entry: Entry, labels: LabelSet): boolean {
    return !isRetired(entry) && this.#labelsOf(entry).key === labels.key;
  }

  #labelsOf(entry: Entry): LabelSet {
    return this.#labels.fromStrings((entry.value as unknown as IdentityRecord).labels);
  }

  #reference(id: number): string {
    return this.#keys.identityReference(id, this.#node);
  }

  #alone<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#busy.set(key, settled);
    void settled.then(() => {
      if (this.#busy.get(key) === settled) this.#busy.delete(key);
    });
    return mine;
  }
}

export function numberIn(value: Json): number | undefined {
  const id = (value as { readonly id?: unknown } | null)?.id;
  return typeof id === "number" ? id : undefined;
}

export function isRetired(record: Entry): boolean {
  return (record.value as unknown as IdentityRecord).retired === true;
}

/** Losing a race is no error: `undefined` where somebody else was first. */
export async function quietly<T>(attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (isNetloomError(error, "ERR_STORE_CONFLICT") || isNetloomError(error, "ERR_STORE_NOT_FOUND"))
      return undefined;
    throw error;
  }
}

function allowExists(error: unknown): void {
  if (!isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
}
