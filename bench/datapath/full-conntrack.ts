import { EventLevel } from "@netloom/core/backend";
import { minus, paired, rounds, type Contender, type Figures } from "../lib/rounds.ts";
import { printTable } from "../lib/table.ts";
import type { Bench } from "./bench.ts";
import { BURST, burst, told, type NewFlows } from "./burst.ts";
import { address, REDIRECT } from "./connections.ts";
import { DESTINATIONS, FLOWS_OF_A_DESTINATION } from "./replayer.ts";
import { HEAD, rowOf } from "./rows.ts";
import { PORT } from "./scene.ts";

/** There are twice as many flows as conntrack holds: when one comes again, it was evicted long ago. */
const FLOWS = DESTINATIONS * FLOWS_OF_A_DESTINATION;

/** First packets when conntrack holds as many flows as it takes: each new one evicts an old one. */
export async function fullConntrack(bench: Bench): Promise<void> {
  const destinations = bench.scene.remotes.slice(0, DESTINATIONS).map(address);
  const ours: NewFlows = {
    ...{ what: "pod to pod, other node", destinations, verdict: REDIRECT },
    ...bench.connections.first(destinations[0]!, PORT),
  };
  const floor = { ...ours, target: "parts_remote_new" };
  bench.listener.level(EventLevel.EVENTS_NONE);
  fill(bench, ours);
  fill(bench, floor);
  bench.listener.level(EventLevel.EVENTS_FLOWS);
  const of = await rounds(bench.rounds, {
    base: () => burst(bench, { ...ours, target: "nothing", verdict: 0 }),
    ours: next((first) => told(bench, ours, first)),
    floor: next((first) => burst(bench, floor, first)),
  });
  const net = (name: "ours" | "floor"): Figures => paired(of(name), of("base"), minus);
  printTable(`First packets, conntrack full: ${bench.rounds} rounds of ${BURST} flows`, HEAD, [
    rowOf(ours.what, net("ours"), net("floor")),
  ]);
}

function fill({ replayer }: Bench, flows: NewFlows): void {
  replayer.newFlows(flows.destinations);
  replayer.send(flows, FLOWS / 2);
}

/** Goes on where it was, each contender for itself. */
function next(run: (first: number) => number | Promise<number>): Contender {
  let first = FLOWS / 2;
  return () => {
    const figure = run(first);
    first = (first + BURST) % FLOWS;
    return figure;
  };
}
