/** As the promise; rejects with `signal.reason` when aborted, also where what is waited for hears of no signal. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
