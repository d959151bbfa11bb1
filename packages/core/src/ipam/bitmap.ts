/**
 * A set of the numbers from 0 to `capacity - 1` that finds its next member in a few steps, however full or empty:
 * a bit for each number, above it a bit for each word that is not zero, and so on up to a single word. Takes 33/32
 * bits for each number.
 */
export class Bitmap {
  readonly capacity: number;
  /** All levels one after another, the widest first. */
  readonly #words: Uint32Array;
  /** Where each level begins in `#words`, and, last, where the top one ends. */
  readonly #starts: readonly number[];
  #size = 0;

  /** @param full begins with every number instead of none. */
  constructor(capacity: number, full = false) {
    this.capacity = capacity;
    const starts = [0];
    let length = capacity;
    do {
      length = Math.ceil(length / 32);
      starts.push(starts.at(-1)! + length);
    } while (length > 1);
    this.#starts = starts;
    this.#words = new Uint32Array(starts.at(-1)!);
    if (full) this.#fill();
  }

  get size(): number {
    return this.#size;
  }

  has(n: number): boolean {
    return (this.#words[n >>> 5]! & (1 << (n & 31))) !== 0;
  }

  /** @returns whether it is new. */
  add(n: number): boolean {
    if (this.has(n)) return false;
    this.#size++;
    for (let level = 0; level < this.#starts.length - 1; level++) {
      const at = this.#starts[level]! + (n >>> 5);
      const word = this.#words[at]!;
      this.#words[at] = word | (1 << (n & 31));
      if (word !== 0) return true;
      n >>>= 5;
    }
    return true;
  }

  /** @returns whether it was there. */
  delete(n: number): boolean {
    if (!this.has(n)) return false;
    this.#size--;
    for (let level = 0; level < this.#starts.length - 1; level++) {
      const at = this.#starts[level]! + (n >>> 5);
      const word = this.#words[at]! & ~(1 << (n & 31));
      this.#words[at] = word;
      if (word !== 0) return true;
      n >>>= 5;
    }
    return true;
  }

  /** The smallest member that is at least `from`, or -1. */
  next(from: number): number {
    const top = this.#starts.length - 1;
    let level = 0;
    let n = from;
    for (; ; level++, n = (n >>> 5) + 1) {
      if (level === top) return -1;
      const at = this.#starts[level]! + (n >>> 5);
      if (at >= this.#starts[level + 1]!) return -1;
      const word = this.#words[at]! & (-1 << (n & 31));
      if (word === 0) continue;
      n = (n & ~31) + lowestBit(word);
      break;
    }
    while (level > 0) n = n * 32 + lowestBit(this.#words[this.#starts[--level]! + n]!);
    return n;
  }

  #fill(): void {
    let bits = this.capacity;
    for (let level = 0; level < this.#starts.length - 1; level++) {
      const [start, end] = [this.#starts[level]!, this.#starts[level + 1]!];
      this.#words.fill(0xffff_ffff, start, end);
      if (bits % 32 !== 0) this.#words[end - 1] = 2 ** (bits % 32) - 1;
      bits = end - start;
    }
    this.#size = this.capacity;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
