import type { PerCpuMap } from "@netloom/bpf-loader";
import type { DatapathMetric } from "@netloom/core";
import { metricText, type MetricValue } from "@netloom/core/backend";

/** What the programs have counted since their maps were made, all CPUs together. What never happened is left out. */
export function readMetrics(table: PerCpuMap<number, MetricValue>): DatapathMetric[] {
  const metrics: DatapathMetric[] = [];
  for (const [index, perCpu] of table.entries()) {
    const packets = perCpu.reduce((sum, one) => sum + one.packets, 0n);
    const bytes = perCpu.reduce((sum, one) => sum + one.bytes, 0n);
    if (packets > 0n) metrics.push({ name: metricText(index), packets, bytes });
  }
  return metrics;
}
