import { parseSelector, type Selector } from "../labels/index.ts";
import { assertName } from "../facts/names.ts";
import { booleanAt, inside, invalid, listAt, objectAt, parsedAt, wordAt, type Place } from "./parse-input.ts";
import { parsePeers, type Peer } from "./parse-peers.ts";
import { parsePorts, type Ports } from "./parse-ports.ts";
import type { PolicyDirection } from "./types.ts";

/** A rule, checked. */
export interface Rule extends Ports {
  readonly deny: boolean;
  /** `undefined`: anyone. */
  readonly peers: readonly Peer[] | undefined;
  /** Whose coming and going changes what the rule means. */
  readonly followed: readonly Peer[];
}

/** A policy, checked. */
export interface Policy {
  readonly name: string;
  readonly subject: Selector;
  readonly ingress: Section | undefined;
  readonly egress: Section | undefined;
}

export interface Section {
  readonly defaultDeny: boolean;
  readonly rules: readonly Rule[];
}

/**
 * Checks a policy from anywhere: JSON, YAML, a store. Nothing of a bad one is kept.
 *
 * @throws {@link NetloomError} `ERR_POLICY_INVALID`: the path of what is wrong, and what would be right.
 */
export function parsePolicy(input: unknown): Policy {
  const fields = ["name", "description", "subject", "ingress", "egress", "defaultDeny"];
  const policy = objectAt(input, { path: "policy" }, fields);
  const name = parsedAt({ path: "name" }, () => assertName(policy["name"], "policy"));
  const at = (path: string): Place => ({ policy: name, path });
  if (policy["subject"] === undefined) {
    const remedy = "select endpoints by labels, or every one by {}";
    throw invalid(at("subject"), undefined, "is missing", remedy);
  }
  const subject = parsedAt(at("subject"), () => parseSelector(policy["subject"]));
  const defaultDeny = objectAt(policy["defaultDeny"] ?? {}, at("defaultDeny"), ["ingress", "egress"]);
  const section = (direction: PolicyDirection): Section | undefined => {
    const deny = booleanAt(defaultDeny[direction], at(`defaultDeny.${direction}`));
    if (policy[direction] === undefined) return undefined;
    const rules = listAt(policy[direction], at(direction), "rules");
    return {
      defaultDeny: deny ?? true,
      rules: rules.map((rule, index) => parseRule(rule, direction, at(`${direction}[${index}]`))),
    };
  };
  const ingress = section("ingress");
  const egress = section("egress");
  if (ingress === undefined && egress === undefined) {
    const remedy = "write `ingress: []` or `egress: []` to deny a direction, or rules to open it";
    throw invalid(at("ingress"), undefined, "and egress are both missing: it would do nothing", remedy);
  }
  return { name, subject, ingress, egress };
}

function parseRule(input: unknown, direction: PolicyDirection, place: Place): Rule {
  const rule = objectAt(input, place, ["action", "peers", "ports", "description"]);
  const action = wordAt(rule["action"] ?? "allow", inside(place, "action"), ["allow", "deny"], "action");
  const deny = action === "deny";
  const peers = parsePeers(rule["peers"], deny, inside(place, "peers"));
  const ports = parsePorts(rule["ports"], inside(place, "ports"));
  const followed = [...(peers ?? [])];
  if (direction === "egress" && (peers === undefined || peers.some(isAnyone))) {
    // Of anyone, only those who have a port of the name.
    followed.push(...ports.named.map(({ having }) => ({ kind: "selector", selector: having }) as const));
  }
  return { deny, peers, ...ports, followed };
}

function isAnyone(peer: Peer): boolean {
  return peer.kind === "entity" && peer.entity === "all";
}
