import type { DatapathMetric } from "../ports/datapath.ts";
import type { RangeStatus } from "../ports/ipam.ts";
import type { AgentStatus } from "./types.ts";

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number | bigint;
}

interface Family {
  /** Without `netloom_`. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: (status: AgentStatus) => readonly Sample[];
}

/**
 * What agents say of themselves, in Prometheus' text format 0.0.4. Every sample has a label `node`, so that the agents
 * of one process fit on one page; metrics of your own may follow.
 *
 * @example
 * import { createServer } from "node:http";
 * import { prometheusText, type Agent } from "@netloom/core";
 *
 * export const serve = (agent: Agent) =>
 *   createServer((_, response) => {
 *     response.setHeader("content-type", "text/plain; version=0.0.4");
 *     response.end(prometheusText(agent.describe()));
 *   });
 */
export function prometheusText(...agents: readonly AgentStatus[]): string {
  return FAMILIES.flatMap((family) => familyLines(family, agents))
    .map((line) => `${line}\n`)
    .join("");
}

const FAMILIES: readonly Family[] = [
  gauge("agent_running", "1 while the agent runs.", ({ lifecycle }) => Number(lifecycle === "running")),
  gauge("revision_seen", "Revision of the facts that the agent knows.", ({ revision }) => revision.seen),
  gauge("revision_applied", "Revision that the datapath enforces.", ({ revision }) => revision.applied),
  gauge("revision_lag", "Revisions that are known and not enforced yet.", ({ revision: { seen, applied } }) =>
    Math.max(0, seen - applied),
  ),
  gauge("nodes", "Nodes of the cluster.", ({ nodes }) => nodes),
  gauge("endpoints", "Pods of this node.", ({ endpoints }) => endpoints),
  gauge("identities", "Identities of the cluster.", ({ identities }) => identities),
  gauge("policies", "Policies of the cluster.", ({ policies }) => policies),
  gauge("services", "Services of the cluster.", ({ services }) => services),
  gauge("pod_mtu_bytes", "MTU of pods' interfaces.", ({ podMtu }) => podMtu),
  {
    name: "ipam_capacity_addresses",
    type: "gauge",
    help: "Addresses of a range: allocated, free, reserved and quarantined together.",
    samples: ({ ipam }) =>
      ipam.ranges.map(({ range, pool, capacity }) => ({ labels: { pool, range }, value: capacity })),
  },
  {
    name: "ipam_addresses",
    type: "gauge",
    help: "Addresses of a range by state. Quarantined: a node may still know the former owner.",
    samples: ({ ipam }) => ipam.ranges.flatMap(rangeSamples),
  },
  ...passes("forwarded", "forward:", "outcome", "forwarded, by where they went"),
  ...passes("dropped", "drop:", "reason", "dropped, by the reason"),
  {
    name: "events_lost_total",
    type: "counter",
    help: "Events of the datapath that nobody saw: no room in the buffer, or a reader that was too slow.",
    samples: ({ lifecycle, metrics }) =>
      // From zero on, so that the first loss is an increase; not before the true number is known.
      Object.entries(LOST).flatMap(([name, cause]) => {
        const value = metrics.find((metric) => metric.name === name)?.packets ?? 0n;
        return lifecycle === "running" ? [{ labels: { cause }, value }] : [];
      }),
  },
  {
    name: "datapath_total",
    type: "counter",
    help: "What else the datapath counts, by its own names.",
    samples: ({ metrics }) =>
      metrics
        .filter(({ name }) => !/^(forward|drop):/.test(name) && !Object.hasOwn(LOST, name))
        .map(({ name, packets }) => ({ labels: { name }, value: packets })),
  },
  counter(
    "errors_total",
    "Errors in the agent's loops. They are told as events `error`.",
    ({ errors }) => errors,
  ),
  counter(
    "drifts_repaired_total",
    "Entries, devices and routes that somebody else had changed, mended by an audit.",
    ({ driftsRepaired }) => driftsRepaired,
  ),
];

const LOST: Readonly<Record<string, string>> = {
  "events-lost": "buffer-full",
  "events-unread": "slow-reader",
};

function gauge(name: string, help: string, value: (status: AgentStatus) => number): Family {
  return { name, type: "gauge", help, samples: (status) => [{ value: value(status) }] };
}

function counter(name: string, help: string, value: (status: AgentStatus) => number): Family {
  return { name, type: "counter", help, samples: (status) => [{ value: value(status) }] };
}

/** Packets and bytes of the datapath's metrics under one prefix, what follows it as a label. */
function passes(what: string, prefix: string, label: string, said: string): readonly Family[] {
  const samples =
    (count: (metric: DatapathMetric) => bigint) =>
    ({ metrics }: AgentStatus): readonly Sample[] =>
      metrics
        .filter(({ name }) => name.startsWith(prefix))
        .map((metric) => ({ labels: { [label]: metric.name.slice(prefix.length) }, value: count(metric) }));
  return [
    {
      name: `${what}_packets_total`,
      type: "counter",
      help: `Passes of packets that were ${said}.`,
      samples: samples(({ packets }) => packets),
    },
    {
      name: `${what}_bytes_total`,
      type: "counter",
      help: `Bytes of packets that were ${said}.`,
      samples: samples(({ bytes }) => bytes),
    },
  ];
}

function rangeSamples(status: RangeStatus): readonly Sample[] {
  const { range, pool } = status;
  return (["allocated", "free", "reserved", "quarantined"] as const).map((state) => ({
    labels: { pool, range, state },
    value: status[state],
  }));
}

/** Nothing where nobody has a sample. */
function familyLines(
  { name, type, help, samples }: Family,
  agents: readonly AgentStatus[],
): readonly string[] {
  const lines = agents.flatMap((status) =>
    samples(status).map(({ labels, value }) => {
      const pairs = Object.entries({ node: status.node.name, ...labels });
      return `netloom_${name}{${pairs.map(([key, text]) => `${key}="${escape(text)}"`).join(",")}} ${value}`;
    }),
  );
  return lines.length === 0
    ? []
    : [`# HELP netloom_${name} ${help}`, `# TYPE netloom_${name} ${type}`, ...lines];
}

/** As the format wants a label's value. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
