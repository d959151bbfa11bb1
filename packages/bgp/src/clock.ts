/** A timer that has been set. */
export interface Timer {
  /** Nothing happens any more. Cancelling twice, or after it fired, is no error. */
  cancel(): void;
}

/** Time, as this package sees it: real, or virtual in a test. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). May step. */
  now(): number;
  /** Milliseconds since some fixed point. Never goes back. */
  monotonic(): number;
  /** Calls back once, after at least so many milliseconds. */
  after(milliseconds: number, callback: () => void): Timer;
}

/** Chance: a number from 0 up to, not including, 1. */
export type Random = () => number;

/** The clock of the process. A timer that is set keeps the process alive: a speaker lives until it is closed. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return { cancel: () => clearTimeout(timer) };
  },
};
