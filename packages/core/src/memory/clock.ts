import type { Clock, Timer } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that stands still until it is moved. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  #order = 0;
  #pending: Pending[] = [];

  /** @param now - milliseconds since 1970. */
  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(milliseconds: number, callback: () => void): Timer {
    const timer = { at: this.#monotonic + milliseconds, order: this.#order++, callback };
    this.#pending.push(timer);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== timer);
      },
    };
  }

  /** Lets time pass; timers fire in their order, each at its time, and what they start gets to run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    for (;;) {
      const [next] = this.#pending.toSorted((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined || next.at > end) break;
      this.#pending = this.#pending.filter((other) => other !== next);
      this.#pass(next.at);
      next.callback();
      await drain();
    }
    this.#pass(end);
    await drain();
  }

  #pass(to: number): void {
    this.#now += Math.max(0, to - this.#monotonic);
    this.#monotonic = Math.max(to, this.#monotonic);
  }
}

/** Enough turns of the microtask queue for what a timer set off. */
async function drain(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** Chance that repeats itself: mulberry32, from a seed of 32 bits. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next(): number {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    },
  };
}
