import type { Lab } from "@netloom/lab";

const INTERRUPTED = 130;

/** Runs with a lab, and takes the lab away: at the end, after a failure, and when somebody interrupts. */
export async function withLab(lab: Lab, run: (lab: Lab) => Promise<void>): Promise<void> {
  let leaving: Promise<void> | undefined;
  onInterrupt(() => {
    leaving ??= lab[Symbol.asyncDispose]().finally(() => process.exit(INTERRUPTED));
  });
  try {
    await run(lab);
  } catch (error) {
    // What is interrupted fails somewhere: its lab is gone.
    if (leaving === undefined) throw error;
  } finally {
    await (leaving ?? lab[Symbol.asyncDispose]());
  }
}

/** Lets handlers of `exit` run, which a signal by itself does not. */
export function exitOnInterrupt(): void {
  onInterrupt(() => process.exit(INTERRUPTED));
}

function onInterrupt(leave: () => void): void {
  process.on("SIGINT", leave).on("SIGTERM", leave);
}
