import type { Clock } from "../ports/clock.ts";

/** Resolves after so many milliseconds; rejects with `signal.reason` when aborted. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const timer = clock.after(milliseconds, () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    const aborted = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
