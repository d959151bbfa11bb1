import { parseSelector, type Selector } from "../labels/index.ts";
import { assertName } from "../facts/names.ts";
import type { L4Block } from "./l4.ts";
import { inside, invalid, listAt, objectAt, parsedAt, wordAt, type Place } from "./parse-input.ts";
import { parsePeers, type Peer } from "./parse-peers.ts";
import { parsePorts } from "./parse-ports.ts";

/** A rule, checked, its ports as blocks. */
export interface Rule {
  readonly deny: boolean;
  /** `undefined`: anyone. */
  readonly peers: readonly Peer[] | undefined;
  readonly blocks: readonly L4Block[];
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
  const section = (direction: "ingress" | "egress"): Section | undefined => {
    const deny = parseBoolean(defaultDeny[direction], at(`defaultDeny.${direction}`));
    if (policy[direction] === undefined) return undefined;
    const rules = listAt(policy[direction], at(direction), "rules");
    return {
      defaultDeny: deny ?? true,
      rules: rules.map((rule, index) => parseRule(rule, at(`${direction}[${index}]`))),
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

function parseRule(input: unknown, place: Place): Rule {
  const rule = objectAt(input, place, ["action", "peers", "ports", "description"]);
  const action = wordAt(rule["action"] ?? "allow", inside(place, "action"), ["allow", "deny"], "action");
  return {
    deny: action === "deny",
    peers: parsePeers(rule["peers"], inside(place, "peers")),
    blocks: parsePorts(rule["ports"], inside(place, "ports")),
  };
}

function parseBoolean(input: unknown, place: Place): boolean | undefined {
  if (input === undefined || typeof input === "boolean") return input;
  throw invalid(place, input, "is no boolean", "write true or false");
}
