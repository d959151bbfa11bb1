/** How the bench and its programs talk: a line of JSON each, orders on standard input, reports on standard output. */
import { createInterface } from "node:readline";

export type Report = Readonly<Record<string, unknown>> & { readonly event: string };

/** Moments are nanoseconds of the machine's monotonic clock, which all its processes share. */
export function now(): bigint {
  return process.hrtime.bigint();
}

export function report(event: string, more: Readonly<Record<string, unknown>> = {}): void {
  const write = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
  process.stdout.write(`${JSON.stringify({ event, ...more }, write)}\n`);
}

/** The process ends with its input. */
export function onOrder(take: (order: Report) => void): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => take(JSON.parse(line) as Report));
  lines.once("close", () => process.exit(0));
}
