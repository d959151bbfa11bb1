import type { Random } from "../clock.ts";
import { jittered } from "./timers.ts";

/** At most so many times the first delay. */
const GROWTH = 12;
/** Milliseconds. Speakers that start together do not call together: some listen with a backlog of a handful. */
const FIRST_JITTER = 500;

/** Milliseconds before the first attempt after a start. */
export function firstDelay(random: Random): number {
  return FIRST_JITTER * random();
}

/**
 * Milliseconds in Idle before the next attempt: the connect-retry time, doubled for each failure after the first, up to
 * twelve times as much, with RFC 4271's jitter.
 *
 * @param failures - one after the other, 1 and up
 */
export function idleHold(connectRetry: number, failures: number, random: Random): number {
  const factor = Math.min(2 ** Math.max(0, failures - 1), GROWTH);
  return jittered(connectRetry * factor, random);
}

/** Milliseconds a session must have stood for the failures before it to be forgotten. */
export function forgiveAfter(connectRetry: number): number {
  return connectRetry * GROWTH;
}
