import { Address, Cidr, type Family } from "../address/index.ts";
import { type Words, hashWords, maskWord } from "../address/words.ts";

const SMALLEST = 8;

/**
 * Row numbers of prefixes of one family and length: a hash table with open addressing, each record being the words of
 * the address (the last one is enough for IPv4) and the row plus one; zero marks a free place. Deleting moves
 * later records up, so no tombstones pile up.
 */
export class PrefixTable {
  readonly family: Family;
  readonly prefix: number;
  /** Numbers in a record. */
  readonly #stride: number;
  readonly #mask: Words;
  #records: Uint32Array;
  /** Places minus one; the number of places is a power of two. */
  #last = SMALLEST - 1;
  #size = 0;

  constructor(family: Family, prefix: number) {
    const bits = family === 4 ? prefix + 96 : prefix;
    this.family = family;
    this.prefix = prefix;
    this.#stride = family === 4 ? 2 : 5;
    this.#mask = {
      w0: maskWord(bits, 0),
      w1: maskWord(bits, 1),
      w2: maskWord(bits, 2),
      w3: maskWord(bits, 3),
    };
    this.#records = new Uint32Array(SMALLEST * this.#stride);
  }

  get size(): number {
    return this.#size;
  }

  /** The row of the prefix that `address` lies in, or -1. */
  find(address: Words): number {
    const at = this.#place(address);
    return this.#records[at + this.#stride - 1]! - 1;
  }

  /** @returns the row it had, or -1. */
  set(address: Words, row: number): number {
    const at = this.#place(address);
    const end = at + this.#stride - 1;
    const before = this.#records[end]! - 1;
    this.#records[end] = row + 1;
    if (before >= 0) return before;
    this.#writeKey(at, address);
    this.#size++;
    if (this.#size * 3 > (this.#last + 1) * 2) this.#resize((this.#last + 1) * 2);
    return -1;
  }

  /** @returns the row it had, or -1. */
  delete(address: Words): number {
    const at = this.#place(address);
    const before = this.#records[at + this.#stride - 1]! - 1;
    if (before < 0) return -1;
    this.#closeGap(at / this.#stride);
    this.#size--;
    if (this.#last >= SMALLEST * 2 && this.#size * 8 < this.#last) this.#resize((this.#last + 1) / 2);
    return before;
  }

  /** The prefix of this length around `address`. */
  cidrAt(address: Words): Cidr {
    const { w0, w1, w2, w3 } = this.#mask;
    return new Cidr(
      new Address(address.w0 & w0, address.w1 & w1, address.w2 & w2, address.w3 & w3),
      this.prefix,
    );
  }

  *entries(): IterableIterator<[cidr: Cidr, row: number]> {
    const { family, prefix } = this;
    const stride = this.#stride;
    const records = this.#records;
    for (let at = 0; at < records.length; at += stride) {
      const row = records[at + stride - 1]! - 1;
      if (row >= 0) yield [new Cidr(addressIn(records, at, family), prefix), row];
    }
  }

  /** Where the record of the prefix around `address` is, or belongs. */
  #place(address: Words): number {
    const records = this.#records;
    const mask = this.#mask;
    const last = this.#last;
    const w3 = (address.w3 & mask.w3) >>> 0;
    if (this.family === 4) {
      let place = hashWords(0, 0, 0, w3) & last;
      while (records[place * 2 + 1] !== 0 && records[place * 2] !== w3) place = (place + 1) & last;
      return place * 2;
    }
    const w0 = (address.w0 & mask.w0) >>> 0;
    const w1 = (address.w1 & mask.w1) >>> 0;
    const w2 = (address.w2 & mask.w2) >>> 0;
    let at = (hashWords(w0, w1, w2, w3) & last) * 5;
    while (
      records[at + 4] !== 0 &&
      (records[at + 3] !== w3 || records[at + 2] !== w2 || records[at + 1] !== w1 || records[at] !== w0)
    ) {
      at = at === last * 5 ? 0 : at + 5;
    }
    return at;
  }

  #writeKey(at: number, address: Words): void {
    const mask = this.#mask;
    if (this.family === 4) {
      this.#records[at] = address.w3 & mask.w3;
      return;
    }
    this.#records[at] = address.w0 & mask.w0;
    this.#records[at + 1] = address.w1 & mask.w1;
    this.#records[at + 2] = address.w2 & mask.w2;
    this.#records[at + 3] = address.w3 & mask.w3;
  }

  /** The place that hashing alone would give the record at index `at` of `records`. */
  #home(records: Uint32Array, at: number): number {
    const hash =
      this.family === 4
        ? hashWords(0, 0, 0, records[at]!)
        : hashWords(records[at]!, records[at + 1]!, records[at + 2]!, records[at + 3]!);
    return hash & this.#last;
  }

  /** Frees a place and moves up each following record that could not be where it hashes to because of it. */
  #closeGap(gap: number): void {
    const stride = this.#stride;
    const records = this.#records;
    const last = this.#last;
    for (
      let place = (gap + 1) & last;
      records[place * stride + stride - 1] !== 0;
      place = (place + 1) & last
    ) {
      if (((place - this.#home(records, place * stride)) & last) < ((place - gap) & last)) continue;
      records.copyWithin(gap * stride, place * stride, (place + 1) * stride);
      gap = place;
    }
    records.fill(0, gap * stride, (gap + 1) * stride);
  }

  #resize(places: number): void {
    const stride = this.#stride;
    const old = this.#records;
    const records = new Uint32Array(places * stride);
    this.#records = records;
    this.#last = places - 1;
    for (let from = 0; from < old.length; from += stride) {
      if (old[from + stride - 1] === 0) continue;
      let place = this.#home(old, from);
      while (records[place * stride + stride - 1] !== 0) place = (place + 1) & this.#last;
      for (let i = 0; i < stride; i++) records[place * stride + i] = old[from + i]!;
    }
  }
}

function addressIn(records: Uint32Array, at: number, family: Family): Address {
  return family === 4
    ? new Address(0, 0, 0xffff, records[at]!)
    : new Address(records[at]!, records[at + 1]!, records[at + 2]!, records[at + 3]!);
}
