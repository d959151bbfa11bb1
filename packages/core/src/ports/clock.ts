/** A timer that has been set. */
export interface Timer {
  /** Nothing happens any more. Cancelling twice, or after it fired, is no error. */
  cancel(): void;
}

/** Time, as core sees it: real, or virtual in a simulation. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). May step. */
  now(): number;
  /** Milliseconds since some fixed point. Never goes back. */
  monotonic(): number;
  /** Calls back once, after at least so many milliseconds. */
  after(milliseconds: number, callback: () => void): Timer;
}
