import { WIDTH, type Family } from "../wire/family.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** Prefixes that lie in one, with lengths from `minLength` to `maxLength`. */
export interface PrefixRange {
  readonly words: readonly number[];
  readonly length: number;
  readonly minLength: number;
  readonly maxLength: number;
}

/** The words of an address of 4 or 16 bytes, signed. */
export function wordsOf(address: Uint8Array): readonly number[] {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return Array.from({ length: address.length / 4 }, (_, at) => view.getInt32(at * 4));
}

/** From so many ranges on, they are looked up instead of tried. */
const MANY = 8;

/** Whether a prefix lies in one of several ranges of a family: integers are compared, no text. */
export class PrefixMatcher {
  readonly #masks: readonly (readonly number[])[];
  readonly #ranges: readonly PrefixRange[];
  /** Of many: by length, by a hash of the covered bits. */
  readonly #byLength: ReadonlyMap<number, ReadonlyMap<number, readonly PrefixRange[]>> | undefined;

  constructor(family: Family, ranges: readonly PrefixRange[]) {
    this.#masks = Array.from({ length: WIDTH[family] + 1 }, (_, length) =>
      masksOf(length, WIDTH[family] / 32),
    );
    this.#ranges = ranges;
    this.#byLength = ranges.length < MANY ? undefined : index(ranges);
  }

  matches(table: PrefixTable, id: number): boolean {
    const length = table.lengthOf(id);
    if (this.#byLength === undefined) return this.#any(this.#ranges, table, id, length);
    for (const [covered, buckets] of this.#byLength) {
      if (covered > length) continue;
      const masks = this.#masks[covered]!;
      let hash = 0;
      for (let at = 0; at < masks.length; at += 1) hash = mix(hash, table.wordOf(id, at) & masks[at]!);
      const bucket = buckets.get(hash);
      if (bucket !== undefined && this.#any(bucket, table, id, length)) return true;
    }
    return false;
  }

  #any(ranges: readonly PrefixRange[], table: PrefixTable, id: number, length: number): boolean {
    for (const range of ranges) {
      if (length < range.minLength || length > range.maxLength || length < range.length) continue;
      if (this.#covers(range, table, id)) return true;
    }
    return false;
  }

  #covers(range: PrefixRange, table: PrefixTable, id: number): boolean {
    const masks = this.#masks[range.length]!;
    for (let at = 0; at < masks.length; at += 1) {
      if (((table.wordOf(id, at) ^ range.words[at]!) & masks[at]!) !== 0) return false;
    }
    return true;
  }
}

/** Masks of a length, up to the last word that it reaches. */
function masksOf(length: number, words: number): readonly number[] {
  return Array.from({ length: Math.min(words, Math.ceil(length / 32)) }, (_, at) => {
    const bits = length - at * 32;
    return bits >= 32 ? -1 : -1 << (32 - bits);
  });
}

function index(ranges: readonly PrefixRange[]): Map<number, Map<number, PrefixRange[]>> {
  const byLength = new Map<number, Map<number, PrefixRange[]>>();
  for (const range of ranges) {
    let hash = 0;
    for (let at = 0; at < Math.ceil(range.length / 32); at += 1) hash = mix(hash, range.words[at]!);
    const buckets = byLength.get(range.length) ?? new Map<number, PrefixRange[]>();
    byLength.set(range.length, buckets);
    buckets.set(hash, [...(buckets.get(hash) ?? []), range]);
  }
  return byLength;
}

function mix(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x9e3779b1) | 0;
}
