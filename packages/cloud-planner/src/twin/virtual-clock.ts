import { setImmediate as turn } from "node:timers/promises";
import type { Clock, Timer } from "@netloom/core";

interface Pending {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Time that leaps to the next event as soon as nothing is left to do, so that an hour takes no longer than its work. */
export class VirtualClock implements Clock {
  readonly #start: number;
  #monotonic = 0;
  #order = 0;
  /** A binary heap, the earliest on top. */
  readonly #heap: Pending[] = [];

  /** @param now - milliseconds since 1970. */
  constructor(now = 0) {
    this.#start = now;
  }

  now(): number {
    return this.#start + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(milliseconds: number, callback: () => void): Timer {
    const pending: Pending = {
      at: this.#monotonic + Math.max(0, milliseconds),
      order: this.#order++,
      callback,
    };
    this.#push(pending);
    // It stays in the heap until its time: to look for it there costs more.
    return { cancel: () => void (pending.callback = undefined) };
  }

  /**
   * Lets time pass until the promise has settled.
   *
   * @throws Error where nothing is left that could settle it, or it takes longer than `most` milliseconds.
   */
  async until<T>(promise: Promise<T>, most = Infinity): Promise<T> {
    const end = this.#monotonic + most;
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    // A turn of the event loop: every promise that can go on has gone on.
    for (await turn(); !settled; await turn()) {
      const next = this.#first();
      if (next === undefined) throw new Error("nothing is left that could end it");
      if (next.at > end) throw new Error(`it takes longer than ${most} ms`);
      this.#fire(this.#drop());
    }
    return promise;
  }

  /** Lets so many milliseconds pass. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    for (await turn(); ; await turn()) {
      const next = this.#first();
      if (next === undefined || next.at > end) break;
      this.#fire(this.#drop());
    }
    this.#monotonic = end;
  }

  /** It, and all that is due at the same time. */
  #fire(first: Pending): void {
    this.#monotonic = first.at;
    first.callback?.();
    while (this.#heap[0]?.at === first.at) this.#drop().callback?.();
  }

  #push(pending: Pending): void {
    const heap = this.#heap;
    let at = heap.push(pending) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(pending, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = pending;
  }

  /** The earliest that was not cancelled. */
  #first(): Pending | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].callback === undefined) this.#drop();
    return this.#heap[0];
  }

  /** Takes the earliest away, of one or more. */
  #drop(): Pending {
    const [top] = this.#heap;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    return top!;
  }

  #sink(pending: Pending): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, pending)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = pending;
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
