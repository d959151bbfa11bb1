const SHIFT = 12;
const PAGE = 1 << SHIFT;
const MASK = PAGE - 1;

/**
 * A 32-bit number for each id, 0 where none was set. Kept in pages of 4,096 made when first needed: growing copies nothing,
 * and who has few of a million ids pays for few.
 */
export class Column {
  #pages: (Int32Array | undefined)[] = [];

  /** As far as there is memory: 16 KiB each, unless skipped. */
  get pages(): number {
    return this.#pages.length;
  }

  get(id: number): number {
    const page = this.#pages[id >>> SHIFT];
    return page === undefined ? 0 : page[id & MASK]!;
  }

  set(id: number, value: number): void {
    const page = this.#pages[id >>> SHIFT] ?? this.#grow(id >>> SHIFT);
    page[id & MASK] = value;
  }

  /** The first id from this one on that has a number; 0: there is none. */
  next(from: number): number {
    for (let number = from >>> SHIFT; number < this.#pages.length; number += 1) {
      const page = this.#pages[number];
      if (page === undefined) continue;
      for (let id = Math.max(from, number << SHIFT); id >>> SHIFT === number; id += 1) {
        if (page[id & MASK] !== 0) return id;
      }
    }
    return 0;
  }

  /** Calls back with every id that has a number, in order. What is set meanwhile may or may not be seen. */
  forEach(visit: (id: number, value: number) => void): void {
    for (const [number, page] of this.#pages.entries()) {
      if (page === undefined) continue;
      for (let at = 0; at < PAGE; at += 1) {
        const value = page[at]!;
        if (value !== 0) visit((number << SHIFT) | at, value);
      }
    }
  }

  /** The same, for one to go through at leisure. */
  *entries(): Generator<readonly [id: number, value: number]> {
    for (const [number, page] of this.#pages.entries()) {
      if (page === undefined) continue;
      for (let at = 0; at < PAGE; at += 1) {
        const value = page[at]!;
        if (value !== 0) yield [(number << SHIFT) | at, value];
      }
    }
  }

  /** All are 0 again, and the memory is given back. */
  clear(): void {
    this.#pages = [];
  }

  #grow(number: number): Int32Array {
    while (this.#pages.length <= number) this.#pages.push(undefined);
    const page = new Int32Array(PAGE);
    this.#pages[number] = page;
    return page;
  }
}
