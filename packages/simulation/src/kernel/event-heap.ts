/** Something that will happen. */
export interface Scheduled {
  readonly at: number;
  /** When it was to happen first, where it had to wait: of those that waited for the same the order is kept. */
  readonly due: number;
  /** Of two at one time the first that was scheduled is first. */
  readonly order: number;
}

/** A binary heap: the earliest first. */
export class EventHeap<T extends Scheduled> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const items = this.#items;
    let index = items.length;
    items.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(item, items[parent]!)) break;
      items[index] = items[parent]!;
      index = parent;
    }
    items[index] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[index] = items[child]!;
      index = child;
    }
    items[index] = last;
    return first;
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
