import type { Peers } from "./peers.ts";
import type { Located } from "./located-endpoints.ts";
import type { Peer } from "./parse-peers.ts";
import type { Policy, Rule } from "./parse.ts";
import type { PolicyDirection } from "./types.ts";
import { matches, type LabelSet, type Selection } from "../labels/index.ts";

/** Where a rule stands: what an event's rule number means. */
export interface RuleReference {
  readonly policy: string;
  readonly direction: PolicyDirection;
  /** In its section. */
  readonly index: number;
  readonly action: "allow" | "deny";
}

export interface NumberedRule extends Rule {
  readonly number: number;
}

/** All rules of one direction that concern one subject. */
export interface SubjectRules {
  readonly rules: readonly NumberedRule[];
  /** The policies that turned the direction to default deny. */
  readonly enforcedBy: readonly string[];
}

interface Kept {
  readonly policy: Policy;
  readonly rules: Readonly<Record<PolicyDirection, readonly NumberedRule[]>>;
}

/**
 * The policies of the cluster, and which of their rules concern whom. A rule's number follows from its place alone, so
 * that it is the same on every node and after every restart (save for the rare collision, which takes the next one).
 */
export class RuleBook {
  readonly #peers: Peers;
  readonly #policies = new Map<string, Kept>();
  readonly #references = new Map<number, RuleReference>();

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  get size(): number {
    return this.#policies.size;
  }

  get(name: string): Policy | undefined {
    return this.#policies.get(name)?.policy;
  }

  /** Adds or replaces; `undefined` removes. The new peers are followed before the old ones are let go. */
  set(name: string, policy: Policy | undefined): void {
    const before = this.#policies.get(name);
    if (policy !== undefined) this.#add(name, policy);
    if (before === undefined) return;
    this.#forEachPeer(before, (peer) => this.#peers.release(peer));
    if (policy === undefined) this.#policies.delete(name);
  }

  reference(rule: number): RuleReference | undefined {
    return this.#references.get(rule);
  }

  rulesFor(subject: LabelSet, direction: PolicyDirection): SubjectRules {
    const rules: NumberedRule[] = [];
    const enforcedBy: string[] = [];
    for (const { policy, rules: numbered } of this.#policies.values()) {
      const section = policy[direction];
      if (section === undefined || !matches(policy.subject, subject)) continue;
      rules.push(...numbered[direction]);
      if (section.defaultDeny) enforcedBy.push(policy.name);
    }
    return { rules, enforcedBy };
  }

  /** Does a change of these concern any of the rules? */
  concerns(rules: readonly NumberedRule[], changed: Selection | Located): boolean {
    return rules.some(({ followed }) => followed.some((peer) => this.#peers.follows(peer, changed)));
  }

  #add(name: string, policy: Policy): void {
    const number = (direction: PolicyDirection): NumberedRule[] =>
      (policy[direction]?.rules ?? []).map((rule, index) => {
        const action = rule.deny ? "deny" : "allow";
        return { ...rule, number: this.#number({ policy: name, direction, index, action }) };
      });
    const kept = { policy, rules: { egress: number("egress"), ingress: number("ingress") } };
    this.#forEachPeer(kept, (peer) => this.#peers.acquire(peer));
    this.#policies.set(name, kept);
  }

  /** References stay known when their policy is gone: events that name them may still be under way. */
  #number(reference: RuleReference): number {
    const { policy, direction, index, action } = reference;
    // With what it does: an event of before it was turned round must not be told as one of after.
    let number = hash(`${policy} ${direction} ${index} ${action}`);
    for (;;) {
      const taken = this.#references.get(number);
      const same =
        taken?.policy === policy &&
        taken.direction === direction &&
        taken.index === index &&
        taken.action === action;
      if (number !== 0 && (taken === undefined || same)) break;
      number = (number + 1) >>> 0;
    }
    this.#references.set(number, reference);
    return number;
  }

  #forEachPeer(kept: Kept, visit: (peer: Peer) => void): void {
    for (const rule of [...kept.rules.egress, ...kept.rules.ingress]) rule.followed.forEach(visit);
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}
