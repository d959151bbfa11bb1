import type { NetworkPolicy, PolicyPeer, PolicyRule, Service } from "@netloom/core";
import { Chance } from "../kernel/chance.ts";
import type { PlannedAct, PlannedEvent } from "./events.ts";

export interface PlanOptions {
  readonly seed: number;
  readonly nodes: readonly string[];
  /** Processes beside the agents, by name. */
  readonly others: readonly string[];
  /** Between which everything is done. */
  readonly steps: number;
  /** How many definitions of components there are. */
  readonly definitions: number;
  /** No faults: only what people do. */
  readonly peaceful?: boolean;
  readonly services?: boolean;
}

/** The last two have the same first choice of a number as the first two: what one gives back the other takes. */
const APPS = ["web", "db", "batch-32181", "client-19491"] as const;
const PODS = ["default/a", "default/b", "default/c"] as const;
const POLICIES = ["default/one", "default/two", "default/three"] as const;
/** Outside the cluster; the invariants ask about addresses in them. */
const CIDRS = ["203.0.113.0/24", "203.0.113.128/25", "198.51.100.0/24"] as const;

/** Steps between two things that are done, on average. */
const PACE = 22;

/** What happens to a cluster, from a seed: the same seed, the same history. */
export function generatePlan(options: PlanOptions): PlannedEvent[] {
  const chance = new Chance(options.seed, "plan");
  const events: PlannedEvent[] = [];
  // Everybody has something to do from the start.
  let step = 0;
  while (step < options.steps) {
    const act =
      options.peaceful === true || chance.happens(0.6) ? wish(chance, options) : misfortune(chance, options);
    if (act !== undefined) events.push({ step, ...act });
    step += step < 120 ? chance.integer(12) : chance.integer(PACE * 2);
  }
  return events;
}

/** What people do. */
function wish(chance: Chance, { nodes, services }: PlanOptions): PlannedAct | undefined {
  const dice = chance.next();
  const node = chance.pick(nodes);
  const pod = chance.pick(PODS);
  if (dice < 0.4) return { do: "pod", node, pod, labels: labels(chance) };
  if (dice < 0.55) return { do: "pod", node, pod, labels: undefined };
  if (dice < 0.65) return { do: "replace-pod", node, pod, labels: labels(chance) };
  if (dice < 0.9) {
    const name = chance.pick(POLICIES);
    return { do: "policy", name, policy: chance.happens(0.7) ? policy(chance, name) : undefined };
  }
  if (services !== true) return undefined;
  return { do: "service", name: "default/web", service: chance.happens(0.7) ? service(chance) : undefined };
}

/** What fate does. */
function misfortune(chance: Chance, { nodes, others, definitions }: PlanOptions): PlannedAct | undefined {
  const dice = chance.next();
  const node = chance.pick(nodes);
  const process = chance.happens(0.6) ? node : chance.pick([...nodes, ...others]);
  if (dice < 0.3) {
    const down = chance.happens(0.3) ? chance.between(500, 3000) : chance.between(1, 200);
    const writes = chance.happens(0.5) && process === node ? { writes: chance.integer(12) } : {};
    return { do: "crash", process, down, ...writes };
  }
  if (dice < 0.45)
    return { do: "pause", process, milliseconds: chance.between(0, chance.happens(0.3) ? 6000 : 400) };
  if (dice < 0.52) return { do: "clock", process, milliseconds: chance.between(-100_000, 100_000) };
  if (dice < 0.62) return { do: "partition", process, milliseconds: chance.between(10, 1500) };
  if (dice < 0.7) return { do: "disconnect", process };
  if (dice < 0.76) return { do: "compact" };
  if (dice < 0.78) return { do: "expire-sessions" };
  if (dice < 0.85) return { do: "remove-node", node };
  if (dice < 0.96) return { do: "add-node", node };
  return definitions < 2 ? undefined : { do: "redefine", definition: chance.integer(definitions) };
}

function labels(chance: Chance): readonly string[] {
  const list = [`k8s:app=${chance.pick(APPS)}`];
  if (chance.happens(0.2)) list.push("k8s:tier=front");
  return list;
}

function policy(chance: Chance, name: string): NetworkPolicy {
  const subject = chance.happens(0.25) ? {} : { matchLabels: { app: chance.pick(APPS) } };
  const ingress = chance.happens(0.75);
  return {
    name,
    subject,
    ...(ingress ? { ingress: rules(chance) } : {}),
    ...(!ingress || chance.happens(0.4) ? { egress: rules(chance) } : {}),
    ...(chance.happens(0.2) ? { defaultDeny: { ingress: false, egress: false } } : {}),
  };
}

function rules(chance: Chance): readonly PolicyRule[] {
  return Array.from({ length: chance.integer(3) }, () => ({
    action: chance.happens(0.3) ? ("deny" as const) : ("allow" as const),
    ...(chance.happens(0.85) ? { peers: [peer(chance)] } : {}),
    ...(chance.happens(0.6) ? { ports: [port(chance)] } : {}),
  }));
}

function peer(chance: Chance): PolicyPeer {
  const dice = chance.next();
  if (dice < 0.6) return { selector: { matchLabels: { app: chance.pick(APPS) } } };
  if (dice < 0.7) return { selector: {} };
  if (dice < 0.75) return { selector: { matchLabels: { tier: "front" } } };
  if (dice < 0.85) return { entity: chance.pick(["cluster", "world", "all"] as const) };
  return { cidr: chance.pick(CIDRS) };
}

function port(chance: Chance): NonNullable<PolicyRule["ports"]>[number] {
  if (chance.happens(0.3)) return { protocol: "TCP", port: 80, endPort: 90 };
  return chance.happens(0.5) ? { protocol: "TCP", port: 80 } : { protocol: "UDP", port: 53 };
}

function service(chance: Chance): Service {
  return {
    name: "default/web",
    addresses: ["10.96.0.10"],
    ports: [{ port: 80 }],
    backends: { selector: { matchLabels: { app: chance.pick(APPS) } } },
  };
}
