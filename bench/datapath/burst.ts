import type { Bench } from "./bench.ts";
import type { Shot } from "./replayer.ts";

/** The events of so many new flows fit into the ring buffer at once. */
export const BURST = 20_000;

/** First packets: each is another flow. */
export interface NewFlows extends Shot {
  readonly what: string;
  readonly destinations: readonly string[];
  readonly verdict: number;
}

/** Nanoseconds of each. The same numbers are the same flows, so whoever comes again with them must have forgotten them. */
export function burst({ replayer }: Bench, flows: NewFlows, first = 0): number {
  replayer.newFlows(flows.destinations, first);
  const { verdict, nanoseconds } = replayer.send(flows, BURST);
  if (verdict !== flows.verdict) throw new Error(`${flows.target} answered ${verdict}, not ${flows.verdict}`);
  return nanoseconds;
}

/** The same, and then each has told of itself: only what is new, or is dropped, does. */
export async function told(bench: Bench, flows: NewFlows, first = 0): Promise<number> {
  const { listener } = bench;
  await listener.drained();
  const before = listener.count;
  const figure = burst(bench, flows, first);
  await listener.drained();
  const events = listener.count - before;
  if (events !== BURST) throw new Error(`${flows.what}: ${BURST} flows, ${events} events`);
  return figure;
}
