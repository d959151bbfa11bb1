import type { Drift, TypedMap } from "../ports/datapath.ts";
import type { Codec } from "./schema.generated.ts";

/**
 * What one table of the datapath should hold, and what it holds as far as we know. Writes only differences, so it
 * can start from whatever it finds and be asked as often as one likes.
 *
 * Sets and deletes are separate steps: what is new must be there everywhere before anything refers to it, what is
 * old must stay until nothing does.
 */
export class Mirror<K, V> {
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #absent: V | undefined;
  readonly #absentBytes: string | undefined;
  /** Values by keys, both as bytes: of a hundred thousand entries it matters, and either can be read back. */
  readonly #wanted = new Map<string, string>();
  readonly #there = new Map<string, string>();
  readonly #dirty = new Set<string>();

  /** @param definition - `absent`: in an array nothing can be deleted; this value stands for nothing there. */
  constructor(definition: { readonly key: Codec<K>; readonly value: Codec<V>; readonly absent?: V }) {
    this.#key = definition.key;
    this.#value = definition.value;
    this.#absent = definition.absent;
    this.#absentBytes = this.#absent === undefined ? undefined : encode(this.#value, this.#absent);
  }

  /** How many entries it should hold. */
  get size(): number {
    return this.#wanted.size;
  }

  get(key: K): V | undefined {
    const bytes = this.#wanted.get(encode(this.#key, key));
    return bytes === undefined ? undefined : decode(this.#value, bytes);
  }

  set(key: K, value: V): void {
    const name = encode(this.#key, key);
    this.#wanted.set(name, encode(this.#value, value));
    this.#dirty.add(name);
  }

  delete(key: K): void {
    const name = encode(this.#key, key);
    if (this.#wanted.delete(name)) this.#dirty.add(name);
  }

  /** Everything it should hold from now on. */
  replace(entries: Iterable<readonly [K, V]>): void {
    const kept = new Set<string>();
    for (const [key, value] of entries) {
      this.set(key, value);
      kept.add(encode(this.#key, key));
    }
    for (const name of this.#wanted.keys()) {
      if (kept.has(name)) continue;
      this.#wanted.delete(name);
      this.#dirty.add(name);
    }
  }

  /** Takes the table as it is: the next writes bring it from there to what is wanted. */
  adopt(table: TypedMap<K, V>): void {
    this.#there.clear();
    for (const [key, value] of table.entries()) {
      const name = encode(this.#key, key);
      const bytes = encode(this.#value, value);
      if (bytes === this.#absentBytes) continue;
      this.#there.set(name, bytes);
      this.#dirty.add(name);
    }
    for (const name of this.#wanted.keys()) this.#dirty.add(name);
  }

  /**
   * Reads the table back and takes note of what is not as it was left: the next writes mend it. The table may change
   * while `breathe` is awaited; what looks wrong is looked at again before it counts.
   *
   * @param breathe - awaited every few thousand entries, so that others get their turn.
   */
  async audit(table: TypedMap<K, V>, breathe: () => Promise<void>): Promise<readonly Drift[]> {
    const seen = new Set<string>();
    const suspects = new Set<string>();
    for (const [key, value] of table.entries()) {
      const name = encode(this.#key, key);
      const bytes = encode(this.#value, value);
      if (bytes === this.#absentBytes) continue;
      seen.add(name);
      if (this.#there.get(name) !== bytes) suspects.add(name);
      if (seen.size % ENTRIES_A_TURN === 0) await breathe();
    }
    for (const name of this.#there.keys()) if (!seen.has(name)) suspects.add(name);
    return [...suspects].flatMap((name) => this.#look(table, name) ?? []);
  }

  #look(table: TypedMap<K, V>, name: string): Drift | undefined {
    const believed = this.#there.get(name);
    const value = table.get(decode(this.#key, name));
    const bytes = value === undefined ? undefined : encode(this.#value, value);
    const found = bytes === this.#absentBytes ? undefined : bytes;
    if (found === believed || believed === UNCERTAIN) return undefined;
    if (found === undefined) this.#there.delete(name);
    else this.#there.set(name, found);
    this.#dirty.add(name);
    const problem = found === undefined ? "missing" : believed === undefined ? "foreign" : "changed";
    return { what: `${table.name} entry`, which: hex(name), problem };
  }

  /** Writes what is wanted and not there. @throws what the table throws; the rest stays to be written. */
  applySets(table: TypedMap<K, V>): number {
    const entries: (readonly [K, V])[] = [];
    const names: string[] = [];
    for (const name of this.#dirty) {
      const wanted = this.#wanted.get(name);
      if (wanted === undefined) continue;
      if (this.#there.get(name) === wanted) {
        this.#dirty.delete(name);
        continue;
      }
      entries.push([decode(this.#key, name), decode(this.#value, wanted)]);
      names.push(name);
    }
    if (entries.length === 0) return 0;
    try {
      table.setMany(entries);
    } catch (error) {
      // Some may be there now. Unlike anything wanted, so that each is written again, or removed.
      for (const name of names) this.#there.set(name, UNCERTAIN);
      throw error;
    }
    for (const name of names) {
      const wanted = this.#wanted.get(name);
      if (wanted !== undefined) this.#there.set(name, wanted);
      this.#dirty.delete(name);
    }
    return entries.length;
  }

  /** Removes what is there and not wanted. */
  applyDeletes(table: TypedMap<K, V>): number {
    const keys: K[] = [];
    const names: string[] = [];
    for (const name of this.#dirty) {
      if (this.#wanted.has(name)) continue;
      if (!this.#there.has(name)) {
        this.#dirty.delete(name);
        continue;
      }
      keys.push(decode(this.#key, name));
      names.push(name);
    }
    if (keys.length === 0) return 0;
    const absent = this.#absent;
    if (absent === undefined) table.deleteMany(keys);
    else table.setMany(keys.map((key) => [key, absent]));
    for (const name of names) {
      this.#there.delete(name);
      this.#dirty.delete(name);
    }
    return keys.length;
  }
}

const UNCERTAIN = "?";

/** Each takes a microsecond or two. */
const ENTRIES_A_TURN = 4096;

function hex(bytes: string): string {
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

/** A value's bytes as text: a key of JavaScript maps, one byte a character. */
export function encode<T>(codec: Codec<T>, value: T): string {
  const bytes = new Uint8Array(codec.size);
  codec.encode(value, new DataView(bytes.buffer), 0);
  // Spread, each byte would go through an iterator.
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

export function decode<T>(codec: Codec<T>, bytes: string): T {
  const view = new DataView(new ArrayBuffer(codec.size));
  for (let index = 0; index < codec.size; index++) view.setUint8(index, bytes.charCodeAt(index));
  return codec.decode(view, 0);
}
