import type { Intervals } from "./session.ts";

export const DEFAULTS: Intervals = { transmitInterval: 300, receiveInterval: 300, multiplier: 3 };

/**
 * Intervals with some changed. What is undefined changes nothing.
 *
 * @throws RangeError
 */
export function intervalsOf(before: Intervals, changes: Partial<Intervals>): Intervals {
  return {
    transmitInterval: checked(
      "transmitInterval",
      changes.transmitInterval ?? before.transmitInterval,
      10,
      60_000,
    ),
    receiveInterval: checked(
      "receiveInterval",
      changes.receiveInterval ?? before.receiveInterval,
      10,
      60_000,
    ),
    multiplier: checked("multiplier", changes.multiplier ?? before.multiplier, 1, 255),
  };
}

function checked(name: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(`${name} is ${value}, and not an integer from ${low} to ${high}`);
}
