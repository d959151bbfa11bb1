import { NetloomError, type Clock, type Runtime, type Timer } from "@netloom/core";
import { Chance } from "./chance.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

/** What may go wrong with a call to somebody outside. */
export type CallFault = "none" | "before" | "after";

export interface CallOptions {
  /** Milliseconds to get there, and back. */
  readonly there: number;
  readonly back: number;
  /** `before`: nothing happens. `after`: it happens, and the answer is lost. */
  readonly fault: CallFault;
  /** Told where the call fails. */
  readonly error: () => NetloomError;
  readonly signal?: AbortSignal | undefined;
}

const EPOCH = 1_700_000_000_000;

/** How a process's clock goes. */
export interface ClockSettings {
  /** Milliseconds ahead. */
  readonly ahead: number;
  /** Of its seconds to true ones. */
  readonly rate: number;
}

/**
 * One life of a process, from its start to its crash. Whatever it waits for comes to it as an event of the scheduler: once
 * it is dead, none does, and so its code never goes on.
 */
export class Life implements Owner {
  readonly name: string;
  readonly runtime: Runtime;
  readonly chance: Chance;
  readonly #scheduler: Scheduler;
  readonly #born: number;
  readonly #rate: number;
  #ahead: number;
  #alive = true;
  #pausedUntil = 0;
  #lastArrival = 0;
  readonly #ends: (() => void)[] = [];

  constructor(scheduler: Scheduler, seed: number, name: string, clock: ClockSettings) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#born = scheduler.now;
    this.#rate = clock.rate;
    this.#ahead = clock.ahead;
    this.chance = new Chance(seed, name);
    this.runtime = { clock: this.#clock(), random: new Chance(seed, `${name} own`) };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** When the last of what it has sent arrives. */
  get lastArrival(): number {
    return this.#lastArrival;
  }

  crash(): void {
    this.#alive = false;
    for (const end of this.#ends.splice(0)) end();
  }

  /** As by a collection of garbage, or a machine that was put to sleep. */
  pause(milliseconds: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#scheduler.now + milliseconds);
  }

  stepClock(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  /** Called when this life ends: what the others see of it then, e.g. that its connections close. */
  atEnd(act: () => void): void {
    this.#ends.push(act);
  }

  /** Something happens to this process, after a while. */
  after(milliseconds: number, what: string, run: () => void): Timer {
    return this.#scheduler.after(milliseconds, `${this.name} ${what}`, run, this);
  }

  /** The same, at exactly this time. */
  at(time: number, what: string, run: () => void): Timer {
    return this.#scheduler.at(time, `${this.name} ${what}`, run, this);
  }

  /** A message to somebody outside, and the answer. `act` is what happens there. */
  call<T>(what: string, act: () => Promise<T>, options: CallOptions): Promise<T> {
    const { signal, fault, error } = options;
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      if (signal?.aborted === true) return reject(signal.reason);
      let waiting = true;
      const aborted = (): void => {
        waiting = false;
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", aborted, { once: true });
      const answer = (settle: () => void): void => {
        this.after(options.back, `< ${what}`, () => {
          if (!waiting) return;
          signal?.removeEventListener("abort", aborted);
          settle();
        });
      };
      // What was sent arrives, or is lost, whatever becomes of the sender.
      this.#lastArrival = Math.max(this.#lastArrival, this.#scheduler.now + options.there);
      this.#scheduler.after(options.there, `${this.name} > ${what}`, () => {
        if (!this.#alive && this.chance.happens(0.5)) return;
        if (fault === "before") return answer(() => reject(error()));
        act().then(
          (value) => answer(fault === "after" ? () => reject(error()) : () => resolve(value)),
          (reason: unknown) => answer(() => reject(fault === "after" ? error() : reason)),
        );
      });
    });
  }

  #clock(): Clock {
    const elapsed = (): number => (this.#scheduler.now - this.#born) * this.#rate;
    return {
      now: () => EPOCH + this.#born + elapsed() + this.#ahead,
      monotonic: elapsed,
      after: (milliseconds, callback) => this.after(milliseconds / this.#rate, "timer", callback),
    };
  }
}
