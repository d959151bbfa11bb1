import { messageOf } from "@netloom/core";
import type { SimulationReport } from "./cluster.ts";
import { describeEvent } from "./plan/events.ts";

/** A run for people: the seed, what was broken and when, what was done before, and the last steps. */
export function formatReport(report: SimulationReport): string {
  const { seed, steps, time, hash, violation, plan, recent, errors } = report;
  const ran = `seed ${seed}: ${steps} steps, ${(time / 1000).toFixed(1)} s of virtual time, trace ${hash}`;
  if (violation === undefined) return `${ran}, every law held`;
  return [
    ran,
    `step ${violation.step} breaks ${violation.invariant}: ${violation.message}`,
    "what was done:",
    ...plan.filter(({ step }) => step <= violation.step).map((event) => `  ${describeEvent(event)}`),
    "what loops told of, the last of it:",
    ...errors.slice(-10).map(({ process, step, error }) => `  step ${step}: ${process}: ${messageOf(error)}`),
    "the last steps:",
    ...recent.slice(-30).map((line) => `  ${line}`),
  ].join("\n");
}
