import { systemClock, type Timer } from "@netloom/core";

/** How long a backend may take to do what it must, in milliseconds, unless the kit is told otherwise. */
export const PATIENCE = 10_000;

/** Rejects, naming what did not happen, where it takes longer than `milliseconds`. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = systemClock.after(milliseconds, () =>
      reject(new Error(`${what}: not within ${milliseconds} ms`)),
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer?.cancel();
  }
}

/** Asks again and again until the answer is yes. */
export async function until(
  milliseconds: number,
  what: string,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = systemClock.monotonic() + milliseconds;
  while (!(await holds())) {
    if (systemClock.monotonic() > deadline) throw new Error(`${what}: not within ${milliseconds} ms`);
    await pause(5);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.after(milliseconds, resolve);
  });
}
