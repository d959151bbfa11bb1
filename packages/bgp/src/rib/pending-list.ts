import { Column } from "./column.ts";

/** The id behind the last one. */
export const END = -1;

/** So much memory is kept for the next time. */
const KEPT_PAGES = 4;

/**
 * Ids that wait, each at most once: a queue threaded through a column, so that it costs nothing while empty, and never more
 * than there are ids. Other lists may be threaded through the same column (`link`): an id is in one of them at most.
 */
export class PendingList {
  /** 0: in no list; {@link END}: the last of one; otherwise the next. */
  readonly link: Column;
  #head = END;
  #tail = END;
  #length = 0;

  constructor(link = new Column()) {
    this.link = link;
  }

  get length(): number {
    return this.#length;
  }

  /** @returns false: it waits already, here or in another list of the column */
  push(id: number): boolean {
    if (this.link.get(id) !== 0) return false;
    this.link.set(id, END);
    if (this.#tail === END) this.#head = id;
    else this.link.set(this.#tail, id);
    this.#tail = id;
    this.#length += 1;
    return true;
  }

  /** Takes the one that has waited longest; 0: none does. */
  shift(): number {
    const id = this.#head;
    if (id === END) return 0;
    this.#head = this.link.get(id);
    if (this.#head === END) this.#tail = END;
    this.link.set(id, 0);
    this.#length -= 1;
    return id;
  }

  /** Gives back what a long queue has needed, once no list of the column has any. */
  trim(): void {
    if (this.link.pages > KEPT_PAGES) this.clear();
  }

  /** Nothing waits, in any list of the column; the memory is given back. */
  clear(): void {
    this.link.clear();
    this.#head = END;
    this.#tail = END;
    this.#length = 0;
  }
}
