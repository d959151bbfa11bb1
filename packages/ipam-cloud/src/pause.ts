import type { Clock, Timer } from "@netloom/core";

/** The pause between two rounds, which whoever has something to do may shorten. */
export class Pause {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #timer: Timer | undefined;
  /** When the next round begins at the latest, in monotonic milliseconds. */
  #due = Infinity;
  #least = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A round begins: what is asked for from now on is for the next one.
   *
   * @param least - nobody who asks is given less than so many milliseconds
   */
  begin(least = 0): void {
    this.#due = Infinity;
    this.#least = least;
  }

  /** Resolves after so many milliseconds, when somebody has asked for an earlier end, or when called off. */
  wait(milliseconds: number, end: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        this.#timer?.cancel();
        this.#wake = undefined;
        end.removeEventListener("abort", over);
        resolve();
      };
      this.#wake = over;
      end.addEventListener("abort", over, { once: true });
      if (end.aborted) return over();
      this.#due = Math.min(this.#due, this.#clock.monotonic() + milliseconds);
      this.#timer = this.#clock.after(Math.max(0, this.#due - this.#clock.monotonic()), over);
    });
  }

  /** It ends within so many milliseconds, so that what comes meanwhile is done with it. */
  shorten(within: number): void {
    const delay = Math.max(within, this.#least);
    const due = this.#clock.monotonic() + delay;
    if (due >= this.#due) return;
    this.#due = due;
    if (this.#wake === undefined) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delay, this.#wake);
  }
}
