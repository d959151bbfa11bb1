import type { Clock, Timer } from "@netloom/core";

interface Event {
  readonly at: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Time that jumps from one event to the next; whatever an event sets off takes none. */
export class EventClock implements Clock {
  readonly #epoch: number;
  #monotonic = 0;
  /** The next one last; of those at the same time, the one that was asked for first. */
  readonly #events: Event[] = [];

  /** @param epoch - milliseconds since 1970 */
  constructor(epoch = 1_000_000) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(milliseconds: number, callback: () => void): Timer {
    const event: Event = { at: this.#monotonic + Math.max(0, milliseconds), callback, cancelled: false };
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.at > event.at) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
    return { cancel: () => void (event.cancelled = true) };
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    await settled();
    for (;;) {
      const next = this.#events.at(-1);
      if (next === undefined || next.at > end) break;
      this.#events.pop();
      if (next.cancelled) continue;
      this.#monotonic = next.at;
      next.callback();
      await settled();
    }
    this.#monotonic = end;
  }
}

/** Until nothing can go on by itself: nobody here waits for anything but promises and this clock. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
