import assert from "node:assert/strict";
import { isNetloomError, messageOf, type NetloomError } from "@netloom/core";

/** The error a call ends with, which must bear one of these codes. */
export async function refusal(
  what: string,
  call: () => Promise<unknown>,
  ...codes: readonly string[]
): Promise<NetloomError> {
  const error = await failure(what, call);
  const shown = isNetloomError(error) ? error.code : messageOf(error);
  assert.ok(
    isNetloomError(error) && codes.includes(error.code),
    `${what}: should be refused with ${codes.join(" or ")}, not ${shown}`,
  );
  return error;
}

/** As {@link refusal}, of a call that answers at once. */
export function refusalNow(
  what: string,
  call: () => unknown,
  ...codes: readonly string[]
): Promise<NetloomError> {
  return refusal(what, async () => call(), ...codes);
}

/** A call that is told to give up ends with the signal's reason. */
export async function givesUp(what: string, call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const reason = new Error("the caller gave up");
  const error = await failure(what, () => call(AbortSignal.abort(reason)));
  assert.equal(error, reason, `${what}: should reject with signal.reason`);
}

async function failure(what: string, call: () => Promise<unknown>): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await call();
  } catch (error) {
    return error;
  }
  assert.fail(`${what}: should be refused, and answered ${JSON.stringify(answer) ?? "nothing"}`);
}
