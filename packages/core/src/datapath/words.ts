import { dropReasonName, Metric, outcomeName } from "./schema.generated.ts";

/** How people read a drop reason: `policy-denied` for `DROP_POLICY_DENIED`. One that has no name is its number. */
export function dropReasonText(reason: number): string {
  return words(dropReasonName(reason), "DROP_") ?? String(reason);
}

/** Name of what a datapath counts under an index of `enum metric`, e.g. `drop:policy-denied`, `forward:to-overlay`. */
export function metricText(index: number): string {
  if (index === Metric.METRIC_EVENTS_LOST) return "events-lost";
  if (index < Metric.METRIC_FORWARDED) return `drop:${dropReasonText(index)}`;
  const outcome = index - Metric.METRIC_FORWARDED;
  return `forward:${words(outcomeName(outcome), "OUTCOME_") ?? outcome}`;
}

function words(name: string | undefined, prefix: string): string | undefined {
  return name?.slice(prefix.length).toLowerCase().replaceAll("_", "-");
}
