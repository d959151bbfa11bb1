import type { Clock, Random, Timer } from "../clock.ts";

/** Calls back in a turn of the event loop to come, after sockets have been read. The real one is `setImmediate`. */
export type Turn = (callback: () => void) => void;

export const systemTurn: Turn = (callback) => {
  setImmediate(callback);
};

/** RFC 4271 section 10: a random factor between 0.75 and 1.0. */
export function jittered(milliseconds: number, random: Random): number {
  return milliseconds * (0.75 + 0.25 * random());
}

/** Timers by name: each runs at most once at a time. */
export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #expired: (name: Name) => void;
  readonly #running = new Map<Name, Timer>();

  constructor(clock: Clock, expired: (name: Name) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Starts it, or starts it again. */
  arm(name: Name, milliseconds: number): void {
    this.#running.get(name)?.cancel();
    const timer = this.#clock.after(milliseconds, () => {
      this.#running.delete(name);
      this.#expired(name);
    });
    this.#running.set(name, timer);
  }

  disarm(name: Name): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  isRunning(name: Name): boolean {
    return this.#running.has(name);
  }

  clear(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}

/**
 * Expires when there was no sign of life for so long. A sign costs nothing but a look at the clock, and an event loop that
 * was blocked does not make the peer dead: timers come before sockets in a turn of Node's loop, so before it expires, what
 * may have arrived meanwhile gets two turns to be read.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #expired: () => void;
  #limit = 0;
  #lastSign = 0;
  /** Since the timer has run out. */
  #signs = 0;
  #timer: Timer | undefined;
  /** What waits for a turn belongs to this run. */
  #run = 0;

  constructor(clock: Clock, turn: Turn, expired: () => void) {
    this.#clock = clock;
    this.#turn = turn;
    this.#expired = expired;
  }

  arm(milliseconds: number): void {
    if (this.#timer !== undefined && milliseconds === this.#limit) {
      this.sign();
      return;
    }
    this.#run += 1;
    this.#limit = milliseconds;
    this.#lastSign = this.#clock.monotonic();
    this.#timer?.cancel();
    this.#wait(milliseconds);
  }

  disarm(): void {
    this.#run += 1;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  sign(): void {
    this.#signs += 1;
    this.#lastSign = this.#clock.monotonic();
  }

  #wait(milliseconds: number): void {
    this.#timer = this.#clock.after(milliseconds, () => {
      this.#check();
    });
  }

  #check(): void {
    const remaining = this.#lastSign + this.#limit - this.#clock.monotonic();
    if (remaining > 0) this.#wait(remaining);
    else this.#listen(2, this.#run, this.#signs);
  }

  #listen(turns: number, run: number, signs: number): void {
    if (run !== this.#run) return;
    if (signs !== this.#signs) this.#check();
    else if (turns > 0) {
      this.#turn(() => {
        this.#listen(turns - 1, run, signs);
      });
    } else {
      this.#timer = undefined;
      this.#expired();
    }
  }
}
