import { Column } from "./column.ts";
import { PendingList } from "./pending-list.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** Which prefixes' best learned routes are others than their watcher knows. */
export class BestChanges {
  readonly #table: PrefixTable;
  readonly #list = new PendingList();
  /** 1: the watcher knows a route of it. */
  readonly #known = new Column();

  constructor(table: PrefixTable) {
    this.#table = table;
  }

  get length(): number {
    return this.#list.length;
  }

  /** The best learned route of the prefix is another one, or (`gone`) there is none. */
  mark(prefix: number, gone: boolean): void {
    if (gone && this.#known.get(prefix) === 0) return;
    if (this.#list.push(prefix)) this.#table.retain(prefix);
  }

  /**
   * Takes the next prefix and hands it, and whether the watcher knew a route of it, to `tell`, which returns whether it knows
   * one then.
   */
  take(tell: (prefix: number, known: boolean) => boolean): void {
    const prefix = this.#list.shift();
    this.#known.set(prefix, tell(prefix, this.#known.get(prefix) === 1) ? 1 : 0);
    this.#table.release(prefix);
    if (this.#list.length === 0) this.#list.trim();
  }

  /** The watcher is gone, and knows nothing. */
  clear(): void {
    while (this.#list.length > 0) this.#table.release(this.#list.shift());
    this.#list.clear();
    this.#known.clear();
  }
}
