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
  goodbye: (driver: SpeakerDriver) => Promise<void>,
): Promise<void> {
  try {
    await within(clock, goodbye(driver));
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

function tooLate(): NetloomError {
  return new NetloomError("ERR_TIMEOUT", `no answer within ${FAREWELL} ms`, {
    remedy: "see whether netloom-bgp, or whatever has the speaker, still runs",
    retryable: true,
    backend: "bgp",
  });
}
