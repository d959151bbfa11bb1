import type { Clock, Timer } from "../../src/clock.ts";

interface Due {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Callbacks at one instant: more are a loop that time never ends. */
const MOST_AT_ONCE = 100_000;

/** Time that passes when it is told to. */
export class VirtualClock implements Clock {
  #time = 0;
  #order = 0;
  readonly #due = new Set<Due>();

  readonly monotonic = (): number => this.#time;

  readonly after = (milliseconds: number, callback: () => void): Timer => {
    const due = { at: this.#time + milliseconds, order: this.#order++, callback };
    this.#due.add(due);
    return { cancel: () => this.#due.delete(due) };
  };

  /** Timers that are set. */
  get pending(): number {
    return this.#due.size;
  }

  /** Work that takes time: no timer fires while it lasts. */
  block(milliseconds: number): void {
    this.#time += milliseconds;
  }

  advance(milliseconds: number): void {
    const end = this.#time + milliseconds;
    let atOnce = 0;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#due.delete(next);
      atOnce = next.at > this.#time ? 0 : atOnce + 1;
      if (atOnce > MOST_AT_ONCE) throw new Error(`time stands still at ${this.#time}`);
      this.#time = Math.max(this.#time, next.at);
      next.callback();
    }
    this.#time = Math.max(this.#time, end);
  }

  #next(): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#due)
      if (first === undefined || due.at < first.at || (due.at === first.at && due.order < first.order))
        first = due;
    return first;
  }
}
