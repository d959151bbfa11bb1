import type { FamilyStatus, PeerStatus } from "@netloom/bgp";
import type { BgpStatus, InstanceStatus } from "./status.ts";

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  /** E.g. `netloom_bgp_session_up`. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

/** What a node's speakers count, as data: {@link bgpPrometheusText} writes it. Every sample has a label `node`. */
export function bgpMetrics(status: BgpStatus): readonly Metric[] {
  const { node, instances, conditions } = status;
  const peers = instances.flatMap((instance) => instance.peers.map((peer) => ({ instance, peer })));
  const ofPeer = (
    name: string,
    type: Metric["type"],
    help: string,
    value: (peer: PeerStatus) => number,
  ): Metric => ({
    name: `netloom_bgp_${name}`,
    type,
    help,
    samples: peers.map(({ instance, peer }) => ({
      labels: peerLabels(node, instance, peer),
      value: value(peer),
    })),
  });
  const ofFamily = (name: string, help: string, value: (family: FamilyStatus) => number): Metric => ({
    name: `netloom_bgp_${name}`,
    type: "gauge",
    help,
    samples: peers.flatMap(({ instance, peer }) =>
      peer.families.map((family) => ({
        labels: { ...peerLabels(node, instance, peer), family: family.family },
        value: value(family),
      })),
    ),
  });
  return [
    ofPeer("session_up", "gauge", "1 while the session is established.", ({ state }) =>
      Number(state === "established"),
    ),
    ofPeer(
      "sessions_established_total",
      "counter",
      "Times that the session came up.",
      (peer) => peer.established,
    ),
    ofPeer(
      "messages_received_total",
      "counter",
      "Messages from the peer.",
      ({ messages }) => messages.received,
    ),
    ofPeer("messages_sent_total", "counter", "Messages to the peer.", ({ messages }) => messages.sent),
    ofFamily("received_routes", "Routes that the peer has sent.", ({ received }) => received),
    ofFamily("accepted_routes", "Of them, those that the import policy let in.", ({ accepted }) => accepted),
    ofFamily("stale_routes", "Of them, those kept from before the peer's restart.", ({ stale }) => stale),
    ofFamily("advertised_routes", "Routes that the peer was sent.", ({ advertised }) => advertised),
    {
      name: "netloom_bgp_prefixes",
      type: "gauge",
      help: "Prefixes that the node has to advertise, whoever is there to hear of them.",
      samples: instances.map(({ name, advertised }) => ({
        labels: { node, instance: name },
        value: advertised,
      })),
    },
    {
      name: "netloom_bgp_conditions",
      type: "gauge",
      help: "What keeps the configuration from being so, by its kind.",
      samples: [...countBy(conditions.map(({ type }) => type))].map(([condition, value]) => ({
        labels: { node, condition },
        value,
      })),
    },
  ];
}

/** In Prometheus' text format 0.0.4: to stand behind that of `prometheusText`. */
export function bgpPrometheusText(...nodes: readonly BgpStatus[]): string {
  const merged = new Map<string, Metric>();
  for (const metric of nodes.flatMap(bgpMetrics)) {
    const known = merged.get(metric.name);
    merged.set(metric.name, { ...metric, samples: [...(known?.samples ?? []), ...metric.samples] });
  }
  return [...merged.values()]
    .filter(({ samples }) => samples.length > 0)
    .map(textOf)
    .join("");
}

function textOf({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`);
    return `${name}{${pairs.join(",")}} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].map((line) => `${line}\n`).join("");
}

function peerLabels(
  node: string,
  { name }: InstanceStatus,
  peer: PeerStatus,
): Readonly<Record<string, string>> {
  return { node, instance: name, peer: peer.name, address: peer.remoteAddress };
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** As the format wants a label's value. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
