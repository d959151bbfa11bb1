import type { PerCpuMap } from "@netloom/bpf-loader";
import type { DatapathMetric } from "@netloom/core";
import { dropReasonName, Metric, outcomeName, type MetricValue } from "@netloom/core/backend";

/** What the programs have counted since their maps were made, all CPUs together. What never happened is left out. */
export function readMetrics(table: PerCpuMap<number, MetricValue>): DatapathMetric[] {
  const metrics: DatapathMetric[] = [];
  for (const [index, perCpu] of table.entries()) {
    const packets = perCpu.reduce((sum, one) => sum + one.packets, 0n);
    const bytes = perCpu.reduce((sum, one) => sum + one.bytes, 0n);
    if (packets > 0n) metrics.push({ name: metricName(index), packets, bytes });
  }
  return metrics;
}

function metricName(index: number): string {
  if (index === Metric.METRIC_EVENTS_LOST) return "events-lost";
  if (index < Metric.METRIC_FORWARDED) return `drop:${words(dropReasonName(index), "DROP_") ?? index}`;
  const outcome = index - Metric.METRIC_FORWARDED;
  return `forward:${words(outcomeName(outcome), "OUTCOME_") ?? outcome}`;
}

function words(name: string | undefined, prefix: string): string | undefined {
  return name?.slice(prefix.length).toLowerCase().replaceAll("_", "-");
}
