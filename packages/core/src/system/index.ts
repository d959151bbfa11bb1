/**
 * The real clock and chance of the process: the one place of core that touches them.
 *
 * @packageDocumentation
 */
import type { Clock, Timer } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { Runtime } from "../ports/runtime.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds: number, callback: () => void): Timer {
    const timer = setTimeout(callback, milliseconds);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = { next: () => Math.random() };

export const systemRuntime: Runtime = { clock: systemClock, random: systemRandom };
