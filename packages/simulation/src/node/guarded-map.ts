import type { MaglevMap, TypedMap } from "@netloom/core";

/** Whether the process may still write, asked before each write; and what hears of each. */
export interface WriteGuard {
  /** `false`: the process died before this write. What it believes it wrote is not there. */
  mayWrite(): boolean;
}

/**
 * A table of the datapath in the hands of one life of an agent. A batch is written entry by entry, as the kernel does: it
 * can end in the middle, and packets pass between any two.
 */
export class GuardedMap<K, V> implements TypedMap<K, V> {
  readonly name: string;
  readonly maxEntries: number;
  readonly #table: TypedMap<K, V>;
  readonly #guard: WriteGuard;
  readonly #written: ((key: K, value: V | undefined) => void) | undefined;

  constructor(table: TypedMap<K, V>, guard: WriteGuard, written?: (key: K, value: V | undefined) => void) {
    this.name = table.name;
    this.maxEntries = table.maxEntries;
    this.#table = table;
    this.#guard = guard;
    this.#written = written;
  }

  get(key: K): V | undefined {
    return this.#table.get(key);
  }

  set(key: K, value: V): void {
    if (!this.#guard.mayWrite()) return;
    this.#table.set(key, value);
    this.#written?.(key, value);
  }

  delete(key: K): boolean {
    if (!this.#guard.mayWrite()) return true;
    const was = this.#table.delete(key);
    if (was) this.#written?.(key, undefined);
    return was;
  }

  entries(): Iterable<readonly [K, V]> {
    return this.#table.entries();
  }

  setMany(entries: readonly (readonly [K, V])[]): void {
    for (const [key, value] of entries) this.set(key, value);
  }

  deleteMany(keys: readonly K[]): void {
    for (const key of keys) this.delete(key);
  }
}

/** The same for Maglev tables. */
export class GuardedMaglev implements MaglevMap {
  readonly maxEntries: number;
  readonly #table: MaglevMap;
  readonly #guard: WriteGuard;

  constructor(table: MaglevMap, guard: WriteGuard) {
    this.maxEntries = table.maxEntries;
    this.#table = table;
    this.#guard = guard;
  }

  set(service: number, table: Uint16Array): void {
    if (this.#guard.mayWrite()) this.#table.set(service, table);
  }

  delete(service: number): void {
    if (this.#guard.mayWrite()) this.#table.delete(service);
  }

  get(service: number): Uint16Array | undefined {
    return this.#table.get(service);
  }
}
