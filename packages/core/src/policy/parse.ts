import { formatCidr, parseCidr, type Cidr } from "../address/index.ts";
import { isNetloomError, messageOf, NetloomError } from "../errors.ts";
import { parseSelector, type Selector } from "../labels/index.ts";
import { assertName } from "../facts/names.ts";
import { blocksOf, type L4Block } from "./l4.ts";
import { POLICY_ENTITIES, POLICY_PROTOCOLS, type PolicyEntity, type PolicyProtocol } from "./types.ts";

export type Peer =
  | { readonly kind: "selector"; readonly selector: Selector }
  | { readonly kind: "entity"; readonly entity: PolicyEntity }
  | { readonly kind: "cidr"; readonly cidr: Cidr; readonly except: readonly Cidr[] };

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

/** As Cilium: more ports in one rule hint at a mistake, and multiply with every peer. */
const MAX_PORTS_PER_RULE = 40;

/**
 * Checks a policy from anywhere: JSON, YAML, a store. Nothing of a bad one is kept.
 *
 * @throws {@link NetloomError} `ERR_POLICY_INVALID`: the path of what is wrong, and what would be right.
 */
export function parsePolicy(input: unknown): Policy {
  const policy = asObject(input, "policy", [
    "name",
    "description",
    "subject",
    "ingress",
    "egress",
    "defaultDeny",
  ]);
  const name = inPolicy("name", () => assertName(policy["name"], "policy"));
  if (policy["subject"] === undefined) {
    throw invalid(name, "subject", undefined, "is missing", "select endpoints by labels, or every one by {}");
  }
  const subject = inPolicy("subject", () => parseSelector(policy["subject"]), name);
  const defaults = policy["defaultDeny"] ?? {};
  const defaultDeny = asObject(defaults, "defaultDeny", ["ingress", "egress"], name);
  const section = (direction: "ingress" | "egress"): Section | undefined => {
    const rules = policy[direction];
    const deny = defaultDeny[direction];
    if (deny !== undefined && typeof deny !== "boolean") {
      throw invalid(name, `defaultDeny.${direction}`, deny, "is no boolean", "write true or false");
    }
    if (rules === undefined) return undefined;
    if (!Array.isArray(rules)) throw invalid(name, direction, rules, "is no list", "write a list of rules");
    return {
      defaultDeny: deny ?? true,
      rules: rules.map((rule: unknown, index) => parseRule(rule, `${direction}[${index}]`, name)),
    };
  };
  const ingress = section("ingress");
  const egress = section("egress");
  if (ingress === undefined && egress === undefined) {
    const remedy = "write `ingress: []` or `egress: []` to deny a direction, or rules to open it";
    throw invalid(name, "ingress", undefined, "and egress are both missing: it would do nothing", remedy);
  }
  return { name, subject, ingress, egress };
}

function parseRule(input: unknown, path: string, policy: string): Rule {
  const rule = asObject(input, path, ["action", "peers", "ports", "description"], policy);
  const action = rule["action"] ?? "allow";
  if (action !== "allow" && action !== "deny") {
    throw invalid(policy, `${path}.action`, action, "is no action", "write allow or deny");
  }
  return {
    deny: action === "deny",
    peers: parsePeers(rule["peers"], `${path}.peers`, policy),
    blocks: parsePorts(rule["ports"], `${path}.ports`, policy),
  };
}

function parsePeers(input: unknown, path: string, policy: string): readonly Peer[] | undefined {
  if (input === undefined) return undefined;
  if (!Array.isArray(input)) throw invalid(policy, path, input, "is no list", "write a list of peers");
  if (input.length === 0) {
    // Kubernetes reads this as everyone and Cilium as nobody; a guess would be wrong half the time.
    const remedy = 'leave `peers` out for anyone, or write [{ entity: "none" }] for nobody';
    throw invalid(policy, path, input, "is empty, which could mean anyone or nobody", remedy);
  }
  return input.map((peer: unknown, index) => parsePeer(peer, `${path}[${index}]`, policy));
}

function parsePeer(input: unknown, path: string, policy: string): Peer {
  const peer = asObject(input, path, ["selector", "entity", "cidr", "except"], policy);
  const kinds = ["selector", "entity", "cidr"].filter((kind) => peer[kind] !== undefined);
  if (kinds.length !== 1) {
    const what = kinds.length === 0 ? "names no one" : `is ${kinds.join(" and ")} at once`;
    throw invalid(policy, path, input, what, "give exactly one of selector, entity and cidr");
  }
  if (peer["except"] !== undefined && peer["cidr"] === undefined) {
    throw invalid(policy, `${path}.except`, peer["except"], "has no cidr", "use it beside cidr only");
  }
  if (peer["selector"] !== undefined) {
    const selector = inPolicy(`${path}.selector`, () => parseSelector(peer["selector"]), policy);
    return { kind: "selector", selector };
  }
  if (peer["entity"] !== undefined) {
    const entity = POLICY_ENTITIES.find((known) => known === peer["entity"]);
    if (entity !== undefined) return { kind: "entity", entity };
    throw invalid(
      policy,
      `${path}.entity`,
      peer["entity"],
      "is no entity",
      `write one of ${POLICY_ENTITIES.join(", ")}`,
    );
  }
  const cidr = inPolicy(`${path}.cidr`, () => parseCidr(peer["cidr"] as string), policy);
  return { kind: "cidr", cidr, except: parseExcept(peer["except"], cidr, `${path}.except`, policy) };
}

function parseExcept(input: unknown, within: Cidr, path: string, policy: string): readonly Cidr[] {
  if (input === undefined) return [];
  if (!Array.isArray(input)) throw invalid(policy, path, input, "is no list", "write a list of CIDRs");
  return input.map((text: unknown, index) => {
    const except = inPolicy(`${path}[${index}]`, () => parseCidr(text as string), policy);
    if (within.containsCidr(except)) return except;
    const what = `is not inside ${formatCidr(within)}`;
    throw invalid(policy, `${path}[${index}]`, text, what, "except only parts of the peer's cidr");
  });
}

function parsePorts(input: unknown, path: string, policy: string): readonly L4Block[] {
  if (input === undefined) return blocksOf({ protocol: "ANY" });
  if (!Array.isArray(input)) throw invalid(policy, path, input, "is no list", "write a list of ports");
  if (input.length === 0) throw invalid(policy, path, input, "is empty", "leave `ports` out for every port");
  if (input.length > MAX_PORTS_PER_RULE) {
    const remedy = `use ranges (endPort), or several rules of at most ${MAX_PORTS_PER_RULE}`;
    throw invalid(policy, path, input.length, "ports are too many for one rule", remedy);
  }
  return input.flatMap((port: unknown, index) => parsePort(port, `${path}[${index}]`, policy));
}

function parsePort(input: unknown, path: string, policy: string): readonly L4Block[] {
  const value = asObject(input, path, ["protocol", "port", "endPort", "icmpType"], policy);
  const name = value["protocol"] ?? "ANY";
  const protocol = POLICY_PROTOCOLS.find((known) => known === name);
  if (protocol === undefined) {
    throw invalid(
      policy,
      `${path}.protocol`,
      name,
      "is no protocol",
      `write one of ${POLICY_PROTOCOLS.join(", ")}`,
    );
  }
  const port = integer(value["port"], 1, 65_535, `${path}.port`, policy);
  const endPort = integer(value["endPort"], 1, 65_535, `${path}.endPort`, policy);
  const icmpType = integer(value["icmpType"], 0, 255, `${path}.icmpType`, policy);
  checkCombination({ protocol, port, endPort, icmpType }, path, policy);
  return blocksOf({ protocol, first: port ?? icmpType, last: endPort });
}

function checkCombination(
  value: {
    readonly protocol: PolicyProtocol;
    readonly port: number | undefined;
    readonly endPort: number | undefined;
    readonly icmpType: number | undefined;
  },
  path: string,
  policy: string,
): void {
  const { protocol, port, endPort, icmpType } = value;
  const icmp = protocol === "ICMP" || protocol === "ICMPv6";
  if (icmp && (port !== undefined || endPort !== undefined)) {
    throw invalid(policy, path, port ?? endPort, `is a port, and ${protocol} has none`, "use icmpType");
  }
  if (!icmp && icmpType !== undefined) {
    throw invalid(policy, `${path}.icmpType`, icmpType, `does not go with ${protocol}`, "set protocol: ICMP");
  }
  if (endPort === undefined) return;
  if (port === undefined) throw invalid(policy, `${path}.endPort`, endPort, "has no port", "give both ends");
  if (endPort < port) throw invalid(policy, `${path}.endPort`, endPort, `is below port ${port}`, "swap them");
}

function integer(
  input: unknown,
  least: number,
  most: number,
  path: string,
  policy: string,
): number | undefined {
  if (input === undefined) return undefined;
  if (typeof input === "number" && Number.isInteger(input) && input >= least && input <= most) return input;
  throw invalid(policy, path, input, "is out of range", `write a whole number from ${least} to ${most}`);
}

function asObject(
  input: unknown,
  path: string,
  known: readonly string[],
  policy?: string,
): Record<string, unknown> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(policy, path, input, "is no object", `write an object with ${known.join(", ")}`);
  }
  const stranger = Object.keys(input).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    throw invalid(policy, `${path}.${stranger}`, input, "is unknown", `known here: ${known.join(", ")}`);
  }
  return input as Record<string, unknown>;
}

/** Adds the path to what a smaller parser says. */
function inPolicy<T>(path: string, parse: () => T, policy?: string): T {
  try {
    return parse();
  } catch (error) {
    if (!isNetloomError(error)) throw error;
    const where = policy === undefined ? path : `policy ${policy}: ${path}`;
    throw new NetloomError("ERR_POLICY_INVALID", `${where}: ${messageOf(error)}`, {
      input: error.input,
      cause: error,
    });
  }
}

function invalid(
  policy: string | undefined,
  path: string,
  input: unknown,
  what: string,
  remedy: string,
): NetloomError {
  const where = policy === undefined ? path : `policy ${policy}: ${path}`;
  const shown = input === undefined ? "" : ` ${show(input)}`;
  return new NetloomError("ERR_POLICY_INVALID", `${where}${shown} ${what}`, { input, remedy });
}

function show(input: unknown): string {
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
