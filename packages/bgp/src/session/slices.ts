import { systemClock, type Clock } from "../clock.ts";
import { systemTurn, type Turn } from "./timers.ts";

/** Milliseconds of work in one turn of the event loop, for all who share it. */
const BUDGET = 5;

/** Work in pieces: does a piece, and says whether there is more. */
export type Job = () => boolean;

/**
 * Divides the event loop among sessions that have much to read: in one turn there are so many milliseconds for all of
 * them, and timers, sockets and the rest of the process come in between.
 */
export class Slices {
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #budget: number;
  readonly #waiting: Job[] = [];
  /** Of the budget of this turn. */
  #deadline: number | undefined;

  constructor(clock: Clock, turn: Turn, budget = BUDGET) {
    this.#clock = clock;
    this.#turn = turn;
    this.#budget = budget;
  }

  /** Whether a job that runs has to stop here, and be called again. */
  get spent(): boolean {
    return this.#deadline !== undefined && this.#clock.monotonic() >= this.#deadline;
  }

  /** Now, if there is time left and nobody else waits; otherwise when it is its turn. @returns whether it is done */
  run(job: Job): boolean {
    if (this.#deadline === undefined) this.#begin();
    if (this.#waiting.length === 0 && !this.spent && !job()) return true;
    this.#waiting.push(job);
    return false;
  }

  #begin(): void {
    this.#deadline = this.#clock.monotonic() + this.#budget;
    this.#turn(() => {
      this.#next();
    });
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#deadline = undefined;
      return;
    }
    this.#begin();
    // Each at most once, so that one who never ends does not starve the others.
    for (let count = this.#waiting.length; count > 0 && !this.spent; count -= 1) {
      const job = this.#waiting.shift();
      if (job?.() === true) this.#waiting.push(job);
    }
  }
}

/** Of this process. */
export const systemSlices = new Slices(systemClock, systemTurn);
