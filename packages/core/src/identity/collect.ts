import type { Keys } from "../facts/keys.ts";
import type { AbortOptions, Entry, Json, Store } from "../ports/store.ts";
import { isNetloomError } from "../errors.ts";
import { isRetired, numberIn, quietly, type IdentityRecord } from "./store-allocator.ts";

export interface CollectResult {
  /** Numbers that are free again. */
  readonly reclaimed: readonly number[];
  readonly inUse: number;
}

export interface CollectorOptions {
  readonly store: Store;
  readonly keys: Keys;
  /** Resolves when every datapath has what the facts say at the time of the call. @defaultValue there is none to wait for */
  readonly settled?: (signal?: AbortSignal) => Promise<void>;
  /** Hears of numbers that are free again, some time after the pass that retired them. */
  readonly onReclaimed?: (ids: readonly number[]) => void;
}

/**
 * Reclaims identities that nobody references. Each pass takes only what the pass before it saw unused, at the very
 * same revision: an identity must go a whole interval without a user. Its record is retired first, and goes when no
 * datapath knows any more what the number meant.
 */
export class IdentityCollector {
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #settled: CollectorOptions["settled"];
  readonly #onReclaimed: (ids: readonly number[]) => void;
  /** Pointers seen unused, and at which revision. */
  #unused = new Map<string, number>();
  /** Retired records that somebody waits for. */
  readonly #burying = new Set<string>();

  constructor(options: CollectorOptions) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#settled = options.settled;
    this.#onReclaimed = options.onReclaimed ?? ((): void => undefined);
  }

  async pass(options: AbortOptions = {}): Promise<CollectResult> {
    // The pointers first, then the references: a reference made in between rewrites its pointer.
    const pointers = await this.#store.list(this.#keys.identityLabels(""), options);
    const referenced = await this.#referenced(options);
    const unused = new Map<string, number>();
    let retired = 0;
    for (const pointer of pointers.entries) {
      const id = numberIn(pointer.value);
      if (id === undefined || referenced.has(id)) continue;
      if (this.#unused.get(pointer.key) !== pointer.revision) unused.set(pointer.key, pointer.revision);
      else if (await this.#reclaim(pointer, id, options)) retired++;
    }
    this.#unused = unused;
    const reclaimed = await this.#completeOrphans(options);
    return { reclaimed, inUse: pointers.entries.length - retired };
  }

  async #referenced(options: AbortOptions): Promise<Set<number>> {
    const prefix = this.#keys.identityReferences();
    const { entries } = await this.#store.list(prefix, options);
    return new Set(entries.map(({ key }) => Number.parseInt(key.slice(prefix.length), 10)));
  }

  /** The pointer first: from then on nobody can take a reference, except through a new one that settles the record. */
  async #reclaim(pointer: Entry, id: number, options: AbortOptions): Promise<boolean> {
    const gone = await quietly(this.#store.delete(pointer.key, { ...options, revision: pointer.revision }));
    if (gone === undefined) return false;
    const record = await this.#store.get(this.#keys.identity(id), options);
    if (record === undefined || isRetired(record)) return false;
    // Settled through this pointer, or through one before it that was deleted and the record was not.
    if ((record.value as unknown as IdentityRecord).settled > pointer.created) return false;
    return this.#retire(record, options);
  }

  async #retire(record: Entry, options: AbortOptions): Promise<boolean> {
    const { labels, settled } = record.value as unknown as IdentityRecord;
    const value: Json = { labels, settled, retired: true };
    const update = this.#store.update(record.key, value, { ...options, revision: record.revision });
    return (await quietly(update)) !== undefined;
  }

  /**
   * Numbers whose labels do not point to them: their maker, or a collector, died half-way. Where the labels point
   * nowhere the pointer is made, and the next passes collect both; where they point elsewhere the number goes.
   */
  async #completeOrphans(options: AbortOptions): Promise<readonly number[]> {
    const records = await this.#store.list(this.#keys.identities, options);
    const pointers = await this.#store.list(this.#keys.identityLabels(""), options);
    const pointed = new Map(pointers.entries.map(({ key, value }) => [key, numberIn(value)]));
    const reclaimed: number[] = [];
    for (const record of records.entries) {
      const key = this.#keys.identityLabels(labelsKeyOf(record));
      if (isRetired(record)) reclaimed.push(...(await this.#bury(record, options)));
      else if (pointed.get(key) === this.#numberOf(record)) continue;
      else if (pointed.has(key)) await this.#discard(record, options);
      else {
        await this.#store.create(key, { id: this.#numberOf(record) }, options).catch((error: unknown) => {
          if (!isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
        });
      }
    }
    return reclaimed;
  }

  /** Another number has the labels. One that nobody ever used means nothing to anybody. */
  async #discard(record: Entry, options: AbortOptions): Promise<void> {
    if ((record.value as unknown as IdentityRecord).settled !== 0) await this.#retire(record, options);
    else await quietly(this.#store.delete(record.key, { ...options, revision: record.revision }));
  }

  /** Does not keep the pass waiting: a node that is down may take its time to forget. */
  async #bury(record: Entry, options: AbortOptions): Promise<readonly number[]> {
    if (this.#settled === undefined) return this.#delete(record, options);
    if (this.#burying.has(record.key)) return [];
    this.#burying.add(record.key);
    this.#settled(options.signal)
      .then(() => this.#delete(record, options))
      .then(this.#onReclaimed)
      // The next pass begins anew.
      .catch(() => undefined)
      .finally(() => this.#burying.delete(record.key));
    return [];
  }

  async #delete(record: Entry, options: AbortOptions): Promise<readonly number[]> {
    const deleted = this.#store.delete(record.key, { ...options, revision: record.revision });
    return (await quietly(deleted)) === undefined ? [] : [this.#numberOf(record)];
  }

  #numberOf(record: Entry): number {
    return Number(record.key.slice(this.#keys.identities.length));
  }
}

/** Records keep labels in canonical order, so that their key ({@link LabelSet.key}) needs no table. */
function labelsKeyOf(record: Entry): string {
  return (record.value as unknown as IdentityRecord).labels.join(";");
}
