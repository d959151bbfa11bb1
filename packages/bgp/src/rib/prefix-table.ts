import { WIDTH, type Family } from "../wire/family.ts";
import { readPrefix } from "../wire/nlri.ts";
import { parsePrefix } from "../wire/prefix-text.ts";
import { Column } from "./column.ts";

/** The table is so many small ones, picked by the hash's upper bits: each grows on its own, in microseconds. */
const SEGMENTS = 256;
/** Numbers: two for each slot. */
const SMALLEST = 32;
const NO_SLOTS = new Int32Array(0);
const MAX_USES = 0x7fffff;

/**
 * Gives each prefix of one family a small number for as long as somebody uses it, so that all else can be a column of
 * numbers. 0 is no prefix. Ids of prefixes that nobody uses any more are given out again.
 */
export class PrefixTable {
  readonly family: Family;
  readonly #wide: boolean;
  /** The first 32 bits, and the rest of wide ones. */
  readonly #word = new Column();
  readonly #rest = [new Column(), new Column(), new Column()] as const;
  /** Uses in the upper 24 bits, length in the lower 8. */
  readonly #meta = new Column();
  /** By segment: pairs of hash and id. With the hash at hand, others' prefixes need not be looked at. */
  readonly #slots: Int32Array[] = Array.from({ length: SEGMENTS }, () => NO_SLOTS);
  readonly #used = new Int32Array(SEGMENTS);
  /** Ids below have been given out once. */
  #limit = 1;
  /** The first free one; each has the next in its word. */
  #free = 0;
  #size = 0;
  #word1 = 0;
  #word2 = 0;
  #word3 = 0;

  constructor(family: Family) {
    this.family = family;
    this.#wide = WIDTH[family] === 128;
  }

  /** Prefixes in use. */
  get size(): number {
    return this.#size;
  }

  /** Every id is less. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * The id of the prefix encoded at `at`; bits behind its length are ignored. A new one has no use yet: it stays only if
   * {@link retain} is called before anything else.
   */
  intern(bytes: Uint8Array, at: number): number {
    const length = bytes[at]!;
    const word0 = this.#read(bytes, at + 1, length);
    const hash = this.#hash(word0, length);
    const segment = hash >>> 24;
    const slots = this.#slots[segment]!;
    const mask = slots.length - 1;
    if (mask > 0) {
      for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
        const id = slots[slot + 1]!;
        if (id === 0) break;
        if (slots[slot] === hash && this.#matches(id, word0, length)) return id;
      }
    }
    return this.#add(word0, length, hash);
  }

  /** The id of the prefix encoded at `at`; 0: nobody uses it. */
  lookup(bytes: Uint8Array, at: number): number {
    const length = bytes[at]!;
    const word0 = this.#read(bytes, at + 1, length);
    const hash = this.#hash(word0, length);
    const slots = this.#slots[hash >>> 24]!;
    const mask = slots.length - 1;
    if (mask < 0) return 0;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const id = slots[slot + 1]!;
      if (id === 0 || (slots[slot] === hash && this.#matches(id, word0, length))) return id;
    }
  }

  /** The id of `10.0.0.0/8`; 0: nobody uses it, or it is of another family. */
  find(text: string): number {
    const prefix = parsePrefix(text);
    return prefix?.family === this.family ? this.lookup(prefix.bytes, 0) : 0;
  }

  /** One more uses it. */
  retain(id: number): void {
    const meta = this.#meta.get(id) + 256;
    if (meta >>> 8 >= MAX_USES) throw new RangeError("a prefix has too many uses");
    this.#meta.set(id, meta);
  }

  /** One fewer; after the last, the id means nothing any more. */
  release(id: number): void {
    const meta = this.#meta.get(id) - 256;
    this.#meta.set(id, meta);
    if (meta >>> 8 === 0) this.#remove(id);
  }

  lengthOf(id: number): number {
    return this.#meta.get(id) & 255;
  }

  /** Bytes that {@link writePrefix} writes. */
  sizeOf(id: number): number {
    return 1 + (((this.#meta.get(id) & 255) + 7) >>> 3);
  }

  /** 32 bits of the address, signed: the first, or another one of an IPv6 address. */
  wordOf(id: number, index: number): number {
    return index === 0 ? this.#word.get(id) : this.#rest[index - 1]!.get(id);
  }

  /** Writes length and address bytes (RFC 4271 section 4.3); returns the offset behind them. */
  writePrefix(id: number, buffer: Uint8Array, at: number): number {
    const length = this.#meta.get(id) & 255;
    const end = at + 1 + ((length + 7) >>> 3);
    buffer[at] = length;
    for (let index = 0, to = at + 1; to < end; index += 1) {
      const word = this.wordOf(id, index);
      for (let shift = 24; shift >= 0 && to < end; shift -= 8, to += 1) buffer[to] = word >>> shift;
    }
    return end;
  }

  formatPrefix(id: number): string {
    const bytes = new Uint8Array(17);
    this.writePrefix(id, bytes, 0);
    return readPrefix(this.family, bytes, 0);
  }

  /** Returns the first word; the others are left in fields. */
  #read(bytes: Uint8Array, at: number, length: number): number {
    if (!this.#wide) return readWord(bytes, at, length);
    this.#word1 = length > 32 ? readWord(bytes, at + 4, length - 32) : 0;
    this.#word2 = length > 64 ? readWord(bytes, at + 8, length - 64) : 0;
    this.#word3 = length > 96 ? readWord(bytes, at + 12, length - 96) : 0;
    return readWord(bytes, at, length > 32 ? 32 : length);
  }

  #hash(word0: number, length: number): number {
    let hash = Math.imul(word0 ^ (length << 3), 0x9e3779b1);
    if (this.#wide) {
      hash = Math.imul((hash ^ (hash >>> 15)) + this.#word1, 0x85ebca6b);
      hash = Math.imul((hash ^ (hash >>> 13)) + this.#word2, 0xc2b2ae35);
      hash = Math.imul((hash ^ (hash >>> 16)) + this.#word3, 0x27d4eb2f);
    }
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }

  #matches(id: number, word0: number, length: number): boolean {
    if (this.#word.get(id) !== word0 || (this.#meta.get(id) & 255) !== length) return false;
    if (!this.#wide) return true;
    const [second, third, fourth] = this.#rest;
    return second.get(id) === this.#word1 && third.get(id) === this.#word2 && fourth.get(id) === this.#word3;
  }

  #add(word0: number, length: number, hash: number): number {
    let id = this.#free;
    if (id === 0) id = this.#limit++;
    else this.#free = this.#word.get(id);
    this.#word.set(id, word0);
    this.#meta.set(id, length);
    if (this.#wide) {
      this.#rest[0].set(id, this.#word1);
      this.#rest[1].set(id, this.#word2);
      this.#rest[2].set(id, this.#word3);
    }
    const segment = hash >>> 24;
    const used = (this.#used[segment]! += 1);
    if (used * 8 > this.#slots[segment]!.length * 3) this.#resize(segment, this.#slots[segment]!.length * 2);
    put(this.#slots[segment]!, hash, id);
    this.#size += 1;
    return id;
  }

  #remove(id: number): void {
    const hash = this.#hashOf(id);
    const segment = hash >>> 24;
    take(this.#slots[segment]!, hash, id);
    this.#meta.set(id, 0);
    this.#word.set(id, this.#free);
    this.#free = id;
    this.#size -= 1;
    const used = (this.#used[segment]! -= 1);
    const { length } = this.#slots[segment]!;
    if (used === 0) this.#slots[segment] = NO_SLOTS;
    else if (length > SMALLEST && used * 16 < length) this.#resize(segment, length / 2);
    if (this.#size === 0) this.#reset();
  }

  #hashOf(id: number): number {
    if (this.#wide) {
      this.#word1 = this.#rest[0].get(id);
      this.#word2 = this.#rest[1].get(id);
      this.#word3 = this.#rest[2].get(id);
    }
    return this.#hash(this.#word.get(id), this.#meta.get(id) & 255);
  }

  #resize(segment: number, length: number): void {
    const before = this.#slots[segment]!;
    const slots = new Int32Array(Math.max(SMALLEST, length));
    this.#slots[segment] = slots;
    for (let slot = 0; slot < before.length; slot += 2) {
      if (before[slot + 1] !== 0) put(slots, before[slot]!, before[slot + 1]!);
    }
  }

  #reset(): void {
    for (const column of [this.#word, this.#meta, ...this.#rest]) column.clear();
    this.#limit = 1;
    this.#free = 0;
  }
}

function put(slots: Int32Array, hash: number, id: number): void {
  const mask = slots.length - 1;
  let slot = (hash << 1) & mask;
  while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
  slots[slot] = hash;
  slots[slot + 1] = id;
}

/** Backward shift: no tombstones, so searches stay short however much comes and goes. */
function take(slots: Int32Array, hash: number, id: number): void {
  const mask = slots.length - 1;
  let hole = (hash << 1) & mask;
  while (slots[hole + 1] !== id) hole = (hole + 2) & mask;
  for (let slot = (hole + 2) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
    const home = (slots[slot]! << 1) & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    slots[hole] = slots[slot]!;
    slots[hole + 1] = slots[slot + 1]!;
    hole = slot;
  }
  slots[hole + 1] = 0;
}

/** Up to 32 bits, bits behind `length` cleared. */
function readWord(bytes: Uint8Array, at: number, length: number): number {
  if (length <= 0) return 0;
  if (length > 24) {
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return length >= 32 ? word : word & (-1 << (32 - length));
  }
  let word = bytes[at]! << 24;
  if (length > 8) word |= bytes[at + 1]! << 16;
  if (length > 16) word |= bytes[at + 2]! << 8;
  return word & (-1 << (32 - length));
}
