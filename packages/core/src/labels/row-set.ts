/** A set of small non-negative integers, in ascending order. */
export interface ReadonlyRowSet extends Iterable<number> {
  readonly size: number;
  has(row: number): boolean;
  forEach(visit: (row: number) => void): void;
}

/** Rows below which a sorted list is never worth replacing. */
const SMALL = 64;

/**
 * The rows of a table that belong together, e.g. the identities a selector selects. Thin sets are sorted lists, and
 * sets with more than one row in 32 (where a list would take more memory) are bitmaps, with some slack in
 * between so that a set on the edge does not flip at each change.
 */
export class RowSet implements ReadonlyRowSet {
  #rows = new Uint32Array(0); // a list, or the words of a bitmap
  #dense = false;
  #size = 0;

  constructor(rows: Iterable<number> = []) {
    for (const row of rows) this.add(row);
  }

  get size(): number {
    return this.#size;
  }

  has(row: number): boolean {
    if (this.#dense) return ((this.#rows[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0;
    const at = this.#lowerBound(row);
    return at < this.#size && this.#rows[at] === row;
  }

  /** @returns whether it is new. */
  add(row: number): boolean {
    if (this.#dense) return this.#addDense(row);
    const at = this.#lowerBound(row);
    if (at < this.#size && this.#rows[at] === row) return false;
    if (this.#size === this.#rows.length) this.#resize(Math.max(4, this.#size * 2));
    this.#rows.copyWithin(at + 1, at, this.#size);
    this.#rows[at] = row;
    this.#size++;
    if (this.#size > SMALL && this.#size > this.#rows[this.#size - 1]! / 32) this.#toBitmap();
    return true;
  }

  /** @returns whether it was there. */
  delete(row: number): boolean {
    if (!this.has(row)) return false;
    this.#size--;
    if (!this.#dense) {
      const at = this.#lowerBound(row);
      this.#rows.copyWithin(at, at + 1, this.#size + 1);
      return true;
    }
    this.#rows[row >>> 5]! &= ~(1 << (row & 31));
    if (this.#size < SMALL / 2 || this.#size < this.#rows.length / 4) this.#toList();
    return true;
  }

  /** Adds every row of `other`. */
  addAll(other: ReadonlyRowSet): void {
    other.forEach((row) => void this.add(row));
  }

  forEach(visit: (row: number) => void): void {
    if (!this.#dense) {
      for (let i = 0; i < this.#size; i++) visit(this.#rows[i]!);
      return;
    }
    for (let i = 0; i < this.#rows.length; i++) {
      for (let word = this.#rows[i]!; word !== 0; word &= word - 1)
        visit(i * 32 + 31 - Math.clz32(word & -word));
    }
  }

  /** Walks the rows of this moment, whatever happens to the set meanwhile. */
  [Symbol.iterator](): IterableIterator<number> {
    const rows: number[] = [];
    this.forEach((row) => rows.push(row));
    return rows.values();
  }

  #addDense(row: number): boolean {
    const word = row >>> 5;
    if (word > this.#size * 4) {
      this.#toList();
      return this.add(row);
    }
    if (word >= this.#rows.length) this.#resize(Math.max(word + 1, Math.ceil(this.#rows.length * 1.25)));
    const bit = 1 << (row & 31);
    if ((this.#rows[word]! & bit) !== 0) return false;
    this.#rows[word]! |= bit;
    this.#size++;
    return true;
  }

  /** Where `row` is in the list, or belongs. */
  #lowerBound(row: number): number {
    let low = 0;
    let high = this.#size;
    if (high > 0 && this.#rows[high - 1]! < row) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rows[middle]! < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #resize(length: number): void {
    const rows = new Uint32Array(length);
    rows.set(this.#rows);
    this.#rows = rows;
  }

  #toBitmap(): void {
    const words = new Uint32Array((this.#rows[this.#size - 1]! >>> 5) + 1);
    this.forEach((row) => (words[row >>> 5]! |= 1 << (row & 31)));
    this.#rows = words;
    this.#dense = true;
  }

  #toList(): void {
    const list = new Uint32Array(this.#size);
    let i = 0;
    this.forEach((row) => (list[i++] = row));
    this.#rows = list;
    this.#dense = false;
  }
}
