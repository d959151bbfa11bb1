import type { Clock, Random, Timer } from "../clock.ts";
import { firstDelay, forgiveAfter, idleHold } from "./backoff.ts";

/** Milliseconds after a failure in which the peer's next call is kept waiting. */
const BREATH = 1000;

/** When to call (again), and when to listen again: all that a session waits for while it has no connection. */
export class Patience {
  readonly #clock: Clock;
  readonly #random: Random;
  /** Milliseconds: the first idle hold. */
  readonly #connectRetry: () => number;
  #call: Timer | undefined;
  #breath: Timer | undefined;
  #breathUntil = -Infinity;
  #failures = 0;
  #since = 0;

  constructor(clock: Clock, random: Random, connectRetry: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#connectRetry = connectRetry;
  }

  get waiting(): boolean {
    return this.#call !== undefined;
  }

  /** Almost at once. */
  soon(callback: () => void): void {
    this.#in(firstDelay(this.#random), callback);
  }

  /** After the idle hold: longer with each failure. */
  later(callback: () => void): void {
    this.#in(idleHold(this.#connectRetry(), this.#failures, this.#random), callback);
  }

  failed(): void {
    this.#failures += 1;
  }

  forget(): void {
    this.#failures = 0;
  }

  succeeded(): void {
    this.#since = this.#clock.monotonic();
  }

  /** What stood for long enough has made good for the failures before it, and has failed now. */
  ended(): void {
    const lasted = this.#clock.monotonic() - this.#since;
    if (lasted >= forgiveAfter(this.#connectRetry())) this.#failures = Math.min(this.#failures, 1);
  }

  /** Something went wrong that would go wrong again at once. */
  takeBreath(): void {
    this.#breathUntil = this.#clock.monotonic() + BREATH;
  }

  /** Whether it has been taken; `callback` when it has. */
  breathed(callback: () => void): boolean {
    const wait = this.#breathUntil - this.#clock.monotonic();
    if (wait <= 0) return true;
    this.#breath?.cancel();
    this.#breath = this.#clock.after(wait, callback);
    return false;
  }

  /** Nobody is to be called. */
  cancel(): void {
    this.#call?.cancel();
    this.#call = undefined;
  }

  close(): void {
    this.cancel();
    this.#breath?.cancel();
  }

  #in(milliseconds: number, callback: () => void): void {
    this.#call?.cancel();
    this.#call = this.#clock.after(milliseconds, () => {
      this.#call = undefined;
      callback();
    });
  }
}
