import type { Clock, Timer } from "../../../src/clock.ts";
import type { Turn } from "../../../src/session/timers.ts";

interface Due {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that passes when it is told to. Turns come at the time that is now, before any later timer. */
export class VirtualClock implements Clock {
  #time = 0;
  #order = 0;
  readonly #due = new Set<Due>();
  readonly #turns: (() => void)[] = [];

  readonly now = (): number => 1_700_000_000_000 + this.#time;
  readonly monotonic = (): number => this.#time;

  readonly after = (milliseconds: number, callback: () => void): Timer => {
    const due = { at: this.#time + Math.max(0, milliseconds), order: this.#order++, callback };
    this.#due.add(due);
    return { cancel: () => this.#due.delete(due) };
  };

  readonly turn: Turn = (callback) => {
    this.#turns.push(callback);
  };

  /** Timers that are set. */
  get pending(): number {
    return this.#due.size;
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
      this.#due.delete(next);
      next.callback();
    }
  }

  /** One turn of the loop: what has been put off until now, not what that puts off. */
  async runTurn(): Promise<void> {
    await settle();
    for (const turn of this.#turns.splice(0)) turn();
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
      this.#due.delete(next);
      next.callback();
      await this.idle();
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

/** What waits for a promise goes on. */
async function settle(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await Promise.resolve();
}
