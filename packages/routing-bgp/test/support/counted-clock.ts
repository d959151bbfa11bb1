import { ManualClock } from "@netloom/core/memory";

/** Knows how many of its timers are still to fire. */
export class CountedClock extends ManualClock {
  readonly #pending = new Set<object>();

  get pending(): number {
    return this.#pending.size;
  }

  override after(milliseconds: number, callback: () => void): ReturnType<ManualClock["after"]> {
    const mark = {};
    this.#pending.add(mark);
    const timer = super.after(milliseconds, () => {
      this.#pending.delete(mark);
      callback();
    });
    return {
      cancel: () => {
        this.#pending.delete(mark);
        timer.cancel();
      },
    };
  }
}
