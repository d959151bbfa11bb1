import { ctStateName, dropReasonName, outcomeName, policyMatchName } from "@netloom/core/backend";
import { TcxVerdict } from "@netloom/datapath-model";
import type { Output } from "./kernel.ts";

const VERDICTS = new Map<number, string>(
  Object.entries(TcxVerdict).map(([name, value]) => [value, name.toLowerCase()]),
);

/** What the packets of a run met, so that one sees what was covered. */
export class Tally {
  readonly #counts = new Map<string, number>();
  packets = 0;

  add(hook: string, { verdict, events }: Output): void {
    this.packets++;
    this.#count(`${hook} ${VERDICTS.get(verdict) ?? verdict}`);
    for (const event of events) {
      const dropped = event.reason !== 0;
      const name = dropped ? dropReasonName(event.reason) : outcomeName(event.outcome);
      this.#count(`${hook} ${name ?? "?"}`);
      this.#count(`conntrack ${ctStateName(event.ctState) ?? "?"}`);
      this.#count(`egress ${policyMatchName(event.egressMatch) ?? "?"}`);
      this.#count(`ingress ${policyMatchName(event.ingressMatch) ?? "?"}`);
      if (!event.source.equals(event.newSource)) this.#count(`${hook} source translated`);
      if (!event.destination.equals(event.newDestination)) this.#count(`${hook} destination translated`);
    }
  }

  /** A line for each kind, the most frequent first. */
  report(): string {
    const widest = String(this.packets).length;
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `  ${String(count).padStart(widest)}  ${name}`)
      .join("\n");
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
