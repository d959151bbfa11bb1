import type { Runtime } from "../ports/runtime.ts";
import { Backoff } from "./backoff.ts";

export interface PersistOptions {
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  /** Hears of each failure. */
  readonly report: (error: unknown) => void;
}

/** Does what must be done: again after every failure, for as long as it takes. Rejects only when aborted. */
export async function persist<T>(task: () => Promise<T>, options: PersistOptions): Promise<T> {
  const { runtime, signal, report } = options;
  const backoff = new Backoff(runtime);
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (signal.aborted) throw error;
      report(error);
      await backoff.wait(signal);
    }
  }
}

/** Waits for something that goes on whoever waits for it; rejects with `signal.reason` when aborted. */
export function whileWanted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
