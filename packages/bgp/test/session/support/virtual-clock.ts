import type { Clock, Timer } from "../../../src/clock.ts";
import type { Turn } from "../../../src/session/timers.ts";

interface Due {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

const before = (left: Due, right: Due): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);

/** Callbacks at one instant: more are a loop that time never ends. */
const MOST_AT_ONCE = 100_000;

/** Time that passes when it is told to. Turns come at the time that is now, before any later timer. */
export class VirtualClock implements Clock {
  #time = 0;
  #order = 0;
  /** A heap. */
  readonly #due: Due[] = [];
  #pending = 0;
  #countedAt = 0;
  #atOnce = 0;
  readonly #turns: (() => void)[] = [];

  readonly now = (): number => 1_700_000_000_000 + this.#time;
  readonly monotonic = (): number => this.#time;

  readonly after = (milliseconds: number, callback: () => void): Timer => {
    const at = this.#time + Math.max(0, milliseconds);
    const due = { at, order: this.#order++, callback, cancelled: false };
    this.#push(due);
    this.#pending += 1;
    return {
      cancel: () => {
        if (!due.cancelled) this.#pending -= 1;
        due.cancelled = true;
      },
    };
  };

  readonly turn: Turn = (callback) => {
    this.#turns.push(callback);
  };

  /** Timers that are set. */
  get pending(): number {
    return this.#pending;
  }

  /** Work that takes time: no timer fires while it lasts. */
  block(milliseconds: number): void {
    this.#time += milliseconds;
  }

  /** Timers that are due, before anything else: what libuv does after the loop was blocked. */
  fireDue(): void {
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > this.#time) return;
      this.#fire(next);
    }
  }

  /** One turn of the loop: what has been put off until now, not what that puts off. */
  async runTurn(): Promise<void> {
    await settle();
    for (const turn of this.#turns.splice(0)) {
      this.#count();
      turn();
    }
    await settle();
  }

  /** Turns, until nothing has been put off. */
  async idle(): Promise<void> {
    await settle();
    while (this.#turns.length > 0) await this.runTurn();
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.#time + milliseconds;
    await this.idle();
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#time = Math.max(this.#time, next.at);
      this.#fire(next);
      await this.idle();
    }
    this.#time = Math.max(this.#time, end);
  }

  #fire(due: Due): void {
    this.#pop();
    due.cancelled = true;
    this.#pending -= 1;
    this.#count();
    due.callback();
  }

  #count(): void {
    this.#atOnce = this.#countedAt === this.#time ? this.#atOnce + 1 : 1;
    this.#countedAt = this.#time;
    if (this.#atOnce > MOST_AT_ONCE) throw new Error(`time stands still at ${this.#time}`);
  }

  #next(): Due | undefined {
    while (this.#due[0]?.cancelled === true) this.#pop();
    return this.#due[0];
  }

  #push(due: Due): void {
    const heap = this.#due;
    let at = heap.length;
    for (let above = (at - 1) >> 1; at > 0 && before(due, heap[above] as Due); above = (at - 1) >> 1) {
      heap[at] = heap[above] as Due;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#due;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below + 1 < heap.length && before(heap[below + 1] as Due, heap[below] as Due)) below += 1;
      if (below >= heap.length || !before(heap[below] as Due, last)) break;
      heap[at] = heap[below] as Due;
      at = below;
    }
    heap[at] = last;
  }
}

/** What waits for a promise goes on. */
async function settle(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await Promise.resolve();
}
