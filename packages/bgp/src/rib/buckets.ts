import type { AttributeStore } from "./attribute-store.ts";
import type { Column } from "./column.ts";
import { grown } from "./growable.ts";
import { END } from "./pending-list.ts";

/** Groups for which memory is kept. */
const KEPT = 65_536;

/**
 * Prefixes grouped by the attributes they are to be sent with, 0: they are withdrawn. Threaded through the column of a
 * {@link PendingList}; the attributes are held while they have prefixes.
 */
export class Buckets {
  readonly #store: AttributeStore;
  readonly #link: Column;
  /** Bytes of prefixes that fill a message. */
  readonly #full: number;
  /** By attribute id: the first prefix, or 0; and how many bytes they come to. */
  #heads = new Int32Array(16);
  #weights = new Int32Array(16);
  /** Ids in the order in which they got prefixes, emptied ones among them. */
  #order: number[] = [];
  #next = 0;
  #filled: number[] = [];

  constructor(store: AttributeStore, link: Column, full: number) {
    this.#store = store;
    this.#link = link;
    this.#full = full;
  }

  /** Adds a prefix that is in no list. */
  add(id: number, prefix: number, weight: number): void {
    if (id >= this.#heads.length) {
      this.#heads = grown(this.#heads, id);
      this.#weights = grown(this.#weights, id);
    }
    const head = this.#heads[id]!;
    if (head === 0) {
      this.#order.push(id);
      if (id !== 0) this.#store.retain(id);
    }
    this.#link.set(prefix, head === 0 ? END : head);
    this.#heads[id] = prefix;
    const before = this.#weights[id]!;
    this.#weights[id] = before + weight;
    if (before < this.#full && before + weight >= this.#full) this.#filled.push(id);
  }

  /** Takes a prefix out; 0: there is none. The attributes are held until {@link settle}. */
  take(id: number, weightOf: (prefix: number) => number): number {
    const prefix = this.#heads[id]!;
    if (prefix === 0) return 0;
    const next = this.#link.get(prefix);
    this.#heads[id] = next === END ? 0 : next;
    this.#link.set(prefix, 0);
    this.#weights[id]! -= weightOf(prefix);
    return prefix;
  }

  /** Puts back what was taken since. */
  putBack(id: number, prefix: number, weight: number): void {
    const head = this.#heads[id]!;
    this.#link.set(prefix, head === 0 ? END : head);
    this.#heads[id] = prefix;
    this.#weights[id]! += weight;
  }

  /** Taking is over: an empty bucket lets go of its attributes. */
  settle(id: number): void {
    if (this.#heads[id] === 0 && id !== 0) this.#store.release(id);
  }

  has(id: number): boolean {
    return this.#heads[id] !== 0;
  }

  /** One that fills a message; `undefined`: none does. */
  full(): number | undefined {
    while (this.#filled.length > 0) {
      const id = this.#filled.at(-1)!;
      if (this.#weights[id]! >= this.#full) return id;
      this.#filled.pop();
    }
    return undefined;
  }

  /** The one that has waited longest; `undefined`: there is none. Withdrawals are not among them. */
  oldest(): number | undefined {
    for (; this.#next < this.#order.length; this.#next += 1) {
      const id = this.#order[this.#next]!;
      if (id !== 0 && this.#heads[id] !== 0) return id;
    }
    this.#order = [];
    this.#next = 0;
    return undefined;
  }

  /** Gives back what many groups have needed, once all are empty. */
  trim(): void {
    if (this.#heads.length > KEPT) this.clear();
    this.#order = [];
    this.#next = 0;
    this.#filled = [];
  }

  clear(): void {
    for (const [id, head] of this.#heads.entries()) if (head !== 0 && id !== 0) this.#store.release(id);
    this.#heads = new Int32Array(16);
    this.#weights = new Int32Array(16);
    this.#order = [];
    this.#next = 0;
    this.#filled = [];
  }
}
