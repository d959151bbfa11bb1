import {
  LabelTable,
  matches,
  parseAddress,
  parseCidr,
  parseSelector,
  RESERVED_IDENTITIES,
  type LabelSet,
  type NetworkPolicy,
  type PolicyDirection,
  type PolicyPeer,
  type PolicyRule,
  type Selector,
} from "@netloom/core";

/** A packet that a policy is asked about, but for who is at the ends. */
export interface Probe {
  readonly protocol: "TCP" | "UDP";
  readonly number: number;
  readonly port: number;
}

export const PROBES: readonly Probe[] = [
  { protocol: "TCP", number: 6, port: 80 },
  { protocol: "TCP", number: 6, port: 443 },
  { protocol: "UDP", number: 17, port: 53 },
];

/** Who is at the other end. */
export type ReferencePeer =
  | { readonly kind: "pod"; readonly labels: LabelSet }
  | { readonly kind: "outside"; readonly address: string };

const table = new LabelTable();
const selectors = new Map<string, Selector>();

export function labelSet(labels: readonly string[]): LabelSet {
  return table.fromStrings(labels);
}

/**
 * What a set of policies says, by reading it word for word: each rule of each policy, each time. Slow, and hard to get
 * wrong. Nothing of it is shared with the engine that it judges.
 */
export class PolicyReference {
  readonly #policies: readonly NetworkPolicy[];
  readonly #asked = new Map<string, number>();

  constructor(policies: readonly NetworkPolicy[]) {
    this.#policies = policies;
  }

  /** Which of {@link PROBES} may pass, as bits. */
  allowed(subject: LabelSet, direction: PolicyDirection, peer: ReferencePeer): number {
    const other = peer.kind === "pod" ? peer.labels.key : peer.address;
    const question = `${subject.key}|${direction}|${other}`;
    let bits = this.#asked.get(question);
    if (bits === undefined) {
      bits = 0;
      for (const [index, probe] of PROBES.entries())
        if (this.#allows(subject, direction, peer, probe)) bits |= 1 << index;
      this.#asked.set(question, bits);
    }
    return bits;
  }

  #allows(subject: LabelSet, direction: PolicyDirection, peer: ReferencePeer, probe: Probe): boolean {
    let enforced = false;
    let allowed = false;
    for (const policy of this.#policies) {
      const rules = policy[direction];
      if (rules === undefined || !selects(policy.subject, subject)) continue;
      if (policy.defaultDeny?.[direction] !== false) enforced = true;
      for (const rule of rules) {
        if (!concernsPeer(rule, peer) || !concernsPort(rule, probe)) continue;
        if (rule.action === "deny") return false;
        allowed = true;
      }
    }
    return allowed || !enforced;
  }
}

function selects(selector: NetworkPolicy["subject"], labels: LabelSet): boolean {
  const text = JSON.stringify(selector);
  let parsed = selectors.get(text);
  if (parsed === undefined) selectors.set(text, (parsed = parseSelector(selector)));
  return matches(parsed, labels);
}

function concernsPeer({ peers }: PolicyRule, peer: ReferencePeer): boolean {
  return peers === undefined || peers.some((one) => isPeer(one, peer));
}

function isPeer(one: PolicyPeer, peer: ReferencePeer): boolean {
  if ("selector" in one) return peer.kind === "pod" && selects(one.selector, peer.labels);
  if ("cidr" in one) {
    if (peer.kind !== "outside") return false;
    const inside = (cidr: string): boolean => parseCidr(cidr).contains(parseAddress(peer.address));
    return inside(one.cidr) && !(one.except ?? []).some(inside);
  }
  if (one.entity === "all") return true;
  if (one.entity === "cluster") return peer.kind === "pod";
  return peer.kind === "outside" && (one.entity === "world" || one.entity === "world-ipv4");
}

function concernsPort({ ports }: PolicyRule, probe: Probe): boolean {
  return (
    ports === undefined ||
    ports.some(({ protocol = "ANY", port, endPort }) => {
      if (protocol !== "ANY" && protocol !== probe.protocol) return false;
      return port === undefined || (probe.port >= port && probe.port <= (endPort ?? port));
    })
  );
}

/** Reserved numbers that stand for no pod. */
export const WORLD: number = RESERVED_IDENTITIES.world;
