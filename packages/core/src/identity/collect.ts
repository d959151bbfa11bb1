import type { Keys } from "../facts/keys.ts";
import type { AbortOptions, Entry, Store } from "../ports/store.ts";
import { isNetloomError } from "../errors.ts";
import { numberIn, quietly, type IdentityRecord } from "./store-allocator.ts";

export interface CollectResult {
  /** Numbers that are free again. */
  readonly reclaimed: readonly number[];
  readonly inUse: number;
}

/**
 * Reclaims identities that nobody references. Each pass takes only what the pass before it saw unused, at the very
 * same revision: an identity must go a whole interval without a user.
 */
export class IdentityCollector {
  readonly #store: Store;
  readonly #keys: Keys;
  /** Pointers seen unused, and at which revision. */
  #unused = new Map<string, number>();

  constructor(options: { readonly store: Store; readonly keys: Keys }) {
    this.#store = options.store;
    this.#keys = options.keys;
  }

  async pass(options: AbortOptions = {}): Promise<CollectResult> {
    // The pointers first, then the references: a reference made in between rewrites its pointer.
    const pointers = await this.#store.list(this.#keys.identityLabels(""), options);
    const referenced = await this.#referenced(options);
    const unused = new Map<string, number>();
    const reclaimed: number[] = [];
    for (const pointer of pointers.entries) {
      const id = numberIn(pointer.value);
      if (id === undefined || referenced.has(id)) continue;
      if (this.#unused.get(pointer.key) !== pointer.revision) unused.set(pointer.key, pointer.revision);
      else if (await this.#reclaim(pointer, id, options)) reclaimed.push(id);
    }
    this.#unused = unused;
    await this.#completeOrphans(options);
    return { reclaimed, inUse: pointers.entries.length - reclaimed.length };
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
    if (record === undefined) return false;
    const { settled } = record.value as unknown as IdentityRecord;
    if (settled !== 0 && settled !== pointer.created) return false;
    return (
      (await quietly(this.#store.delete(record.key, { ...options, revision: record.revision }))) !== undefined
    );
  }

  /**
   * Numbers whose labels do not point to them: their maker, or a collector, died half-way. Where the labels point
   * nowhere the pointer is made, and the next passes collect both; where they point elsewhere the number goes.
   */
  async #completeOrphans(options: AbortOptions): Promise<void> {
    const records = await this.#store.list(this.#keys.identities, options);
    const pointers = await this.#store.list(this.#keys.identityLabels(""), options);
    const pointed = new Map(pointers.entries.map(({ key, value }) => [key, numberIn(value)]));
    for (const record of records.entries) {
      const id = Number(record.key.slice(this.#keys.identities.length));
      const key = this.#keys.identityLabels(labelsKeyOf(record));
      if (pointed.get(key) === id) continue;
      if (pointed.has(key)) {
        await quietly(this.#store.delete(record.key, { ...options, revision: record.revision }));
      } else {
        await this.#store.create(key, { id }, options).catch((error: unknown) => {
          if (!isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
        });
      }
    }
  }
}

/** Records keep labels in canonical order, so that their key ({@link LabelSet.key}) needs no table. */
function labelsKeyOf(record: Entry): string {
  return (record.value as unknown as IdentityRecord).labels.join(";");
}
