import { NetloomError, type Clock, type Timer } from "@netloom/core";
import type { SpeakerDriver } from "./driver.ts";

/** How long a goodbye may take. Milliseconds. */
const FAREWELL = 5000;

/**
 * Says goodbye by a driver, and lets go of it whatever has become of that.
 *
 * @throws {@link NetloomError} `ERR_TIMEOUT` where it takes more than 5 seconds; what `goodbye` throws.
 */
export async function farewell(
  driver: SpeakerDriver,
  clock: Clock,
  goodbye: () => Promise<void>,
): Promise<void> {
  try {
    await within(clock, goodbye());
  } finally {
    await within(clock, driver.release());
  }
}

/**
 * What is waited for no longer than for a goodbye.
 *
 * @throws {@link NetloomError} `ERR_TIMEOUT`
 */
export async function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = clock.after(FAREWELL, () => reject(tooLate()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

/**
 * All of them, whatever becomes of the others.
 *
 * @throws `AggregateError` of what was thrown.
 */
export async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  const failures = results.flatMap((result): readonly unknown[] => {
    if (result.status === "fulfilled") return [];
    return result.reason instanceof AggregateError ? result.reason.errors : [result.reason];
  });
  if (failures.length > 0) throw new AggregateError(failures, "bgp: not everything has ended as it should");
}

/** An end for speakers that nobody here has heard of. */
export function nobodyKnows(): NetloomError {
  const message = "which speakers the node has is in the store, and nobody has read it";
  return new NetloomError("ERR_CLOSED", message, {
    remedy: "let the agent run before, or end netloom-bgp with --on-exit withdraw",
    backend: "bgp",
  });
}

function tooLate(): NetloomError {
  return new NetloomError("ERR_TIMEOUT", `no answer within ${FAREWELL} ms`, {
    remedy: "see whether netloom-bgp, or whatever has the speaker, still runs",
    retryable: true,
    backend: "bgp",
  });
}
