import type { AttributeStore } from "./attribute-store.ts";
import { Column } from "./column.ts";
import type { PrefixTable } from "./prefix-table.ts";

const AGAIN = 0x80000000 | 0;
const ID = 0x7fffffff;

/** With which attributes a peer has been told each prefix. Holds both. */
export class SentRoutes {
  readonly #store: AttributeStore;
  readonly #table: PrefixTable;
  /** With the sign, the peer wants them again. */
  readonly #column = new Column();
  #count = 0;

  constructor(store: AttributeStore, table: PrefixTable) {
    this.#store = store;
    this.#table = table;
  }

  /** Prefixes that the peer has. */
  get count(): number {
    return this.#count;
  }

  has(prefix: number): boolean {
    return this.#column.get(prefix) !== 0;
  }

  /** 0: it has not got the prefix. */
  get(prefix: number): number {
    return this.#column.get(prefix) & ID;
  }

  /** It has just this (0: it has nothing), and does not want it again. */
  is(prefix: number, id: number): boolean {
    return this.#column.get(prefix) === id;
  }

  wantedAgain(prefix: number): void {
    const id = this.#column.get(prefix);
    if (id !== 0) this.#column.set(prefix, id | AGAIN);
  }

  /** It has been told this, 0: that there is nothing. Who calls has held the prefix, and the attributes. */
  set(prefix: number, id: number): void {
    const before = this.#column.get(prefix);
    this.#column.set(prefix, id);
    if (before === 0) this.#count += 1;
    else this.#store.release(before & ID);
    if (id !== 0) return;
    this.#count -= 1;
    this.#table.release(prefix);
  }

  *prefixes(): Generator<number> {
    for (const [prefix] of this.#column.entries()) yield prefix;
  }

  clear(): void {
    this.#column.forEach((prefix, id) => {
      this.#store.release(id & ID);
      this.#table.release(prefix);
    });
    this.#column.clear();
    this.#count = 0;
  }
}
