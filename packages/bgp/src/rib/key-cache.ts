import { hashBytes } from "./attribute-value.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { grown } from "./growable.ts";

const SMALLEST = 64;
const FEW = 4096;
const FEW_BYTES = 1 << 22;
/** Of a set of attributes on the wire: most have fewer. */
const USUAL_BYTES = 128;

/**
 * What encoded attributes stand for in one session, so that they are decoded once. It only remembers: what the store has
 * forgotten is forgotten here too, and when more is remembered than can be of use, all is: more sets than there are, twice
 * over, or longer ones than a table has, such as a peer may send and take back without end.
 */
export class KeyCache {
  readonly #store: AttributeStore;
  #slots = new Int32Array(SMALLEST);
  #ids = new Int32Array(SMALLEST);
  #stamps = new Uint32Array(SMALLEST);
  #hashes = new Int32Array(SMALLEST);
  #starts = new Uint32Array(SMALLEST);
  #bytes = new Uint8Array(4096);
  /** Entries have numbers from 1. */
  #length = 0;
  #filled = 0;

  constructor(store: AttributeStore) {
    this.#store = store;
  }

  /** The id of the attributes; 0: unknown. */
  get(key: Uint8Array): number {
    const entry = this.#find(key, hashBytes(key));
    if (entry === 0) return 0;
    const id = this.#ids[entry]!;
    return this.#store.stampOf(id) === this.#stamps[entry] ? id : 0;
  }

  /** Copies the key. */
  set(key: Uint8Array, id: number): void {
    const hash = hashBytes(key);
    let entry = this.#find(key, hash);
    if (entry === 0) {
      if (this.#isFull(key.length)) this.clear();
      entry = this.#add(key, hash);
    }
    this.#ids[entry] = id;
    this.#stamps[entry] = this.#store.stampOf(id);
  }

  clear(): void {
    this.#slots = new Int32Array(SMALLEST);
    this.#bytes = new Uint8Array(4096);
    this.#length = 0;
    this.#filled = 0;
  }

  #isFull(more: number): boolean {
    const { size } = this.#store;
    return (
      this.#length >= Math.max(FEW, size * 2) || this.#filled + more > Math.max(FEW_BYTES, size * USUAL_BYTES)
    );
  }

  #find(key: Uint8Array, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (entry === 0 || (this.#hashes[entry] === hash && this.#equals(entry, key))) return entry;
    }
  }

  #equals(entry: number, key: Uint8Array): boolean {
    const start = this.#starts[entry]!;
    if (this.#starts[entry + 1]! - start !== key.length) return false;
    for (let at = 0; at < key.length; at += 1) if (this.#bytes[start + at] !== key[at]) return false;
    return true;
  }

  #add(key: Uint8Array, hash: number): number {
    const entry = (this.#length += 1);
    this.#ids = grown(this.#ids, entry);
    this.#stamps = grown(this.#stamps, entry);
    this.#hashes = grown(this.#hashes, entry);
    this.#starts = grown(this.#starts, entry + 1);
    this.#bytes = grown(this.#bytes, this.#filled + key.length);
    this.#bytes.set(key, this.#filled);
    this.#hashes[entry] = hash;
    this.#starts[entry] = this.#filled;
    this.#filled += key.length;
    this.#starts[entry + 1] = this.#filled;
    if (this.#length * 4 > this.#slots.length * 3) {
      this.#slots = new Int32Array(this.#slots.length * 2);
      for (let each = 1; each <= this.#length; each += 1) this.#put(this.#hashes[each]!, each);
    } else this.#put(hash, entry);
    return entry;
  }

  #put(hash: number, entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }
}
