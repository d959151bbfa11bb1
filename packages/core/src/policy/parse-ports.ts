import { blocksOf, type L4Block } from "./l4.ts";
import { isPortName, NAMED_PROTOCOLS, namedPort, type NamedPort } from "./named-ports.ts";
import { inside, integerAt, invalid, listAt, objectAt, wordAt, type Place } from "./parse-input.ts";
import { POLICY_PROTOCOLS, type PolicyProtocol } from "./types.ts";

/** As Cilium: more ports in one rule hint at a mistake, and multiply with every peer. */
export const MAX_PORTS_PER_RULE = 40;

interface Numbers {
  readonly protocol: PolicyProtocol;
  readonly port: number | undefined;
  readonly endPort: number | undefined;
  readonly icmpType: number | undefined;
}

/** Ports as a rule has them. */
export interface Ports {
  readonly blocks: readonly L4Block[];
  /** What they are depends on the destination. */
  readonly named: readonly NamedPort[];
}

export function parsePorts(input: unknown, place: Place): Ports {
  if (input === undefined) return { blocks: blocksOf({ protocol: "ANY" }), named: [] };
  const list = listAt(input, place, "ports");
  if (list.length === 0) throw invalid(place, input, "is empty", "leave `ports` out for every port");
  if (list.length > MAX_PORTS_PER_RULE) {
    const remedy = `use ranges (endPort), or several rules of at most ${MAX_PORTS_PER_RULE}`;
    throw invalid(place, list.length, "ports are too many for one rule", remedy);
  }
  const ports = list.map((port, index) => parsePort(port, inside(place, `[${index}]`)));
  return {
    blocks: ports.flatMap(({ blocks }) => blocks),
    named: ports.flatMap(({ named }) => named),
  };
}

function parsePort(input: unknown, place: Place): Ports {
  const value = objectAt(input, place, ["protocol", "port", "endPort", "name", "icmpType"]);
  const numbers = {
    protocol: wordAt(value["protocol"] ?? "ANY", inside(place, "protocol"), POLICY_PROTOCOLS, "protocol"),
    port: integerAt(value["port"], inside(place, "port"), 1, 65_535),
    endPort: integerAt(value["endPort"], inside(place, "endPort"), 1, 65_535),
    icmpType: integerAt(value["icmpType"], inside(place, "icmpType"), 0, 255),
  };
  checkCombination(numbers, place);
  const { protocol, port, endPort, icmpType } = numbers;
  if (value["name"] !== undefined) return { blocks: [], named: parseName(value["name"], numbers, place) };
  return { blocks: blocksOf({ protocol, first: port ?? icmpType, last: endPort }), named: [] };
}

function parseName(name: unknown, { protocol, port, endPort }: Numbers, place: Place): readonly NamedPort[] {
  const at = inside(place, "name");
  if (!isPortName(name)) {
    throw invalid(at, name, "is no name of a port", "write up to 63 letters, digits and '-', e.g. http");
  }
  const number = port ?? endPort;
  if (number !== undefined) {
    throw invalid(at, name, `stands beside the number ${number}`, "write the name or the number");
  }
  const protocols = NAMED_PROTOCOLS.filter((known) => protocol === "ANY" || protocol === known);
  if (protocols.length > 0) return protocols.map((one) => namedPort(one, name));
  throw invalid(at, name, `is a port, and ${protocol} has none`, "use icmpType");
}

function checkCombination({ protocol, port, endPort, icmpType }: Numbers, place: Place): void {
  const icmp = protocol === "ICMP" || protocol === "ICMPv6";
  if (icmp && (port !== undefined || endPort !== undefined)) {
    throw invalid(place, port ?? endPort, `is a port, and ${protocol} has none`, "use icmpType");
  }
  if (!icmp && icmpType !== undefined) {
    const what = `does not go with ${protocol}`;
    throw invalid(inside(place, "icmpType"), icmpType, what, "set protocol: ICMP");
  }
  if (endPort === undefined) return;
  const end = inside(place, "endPort");
  if (port === undefined) throw invalid(end, endPort, "has no port", "give both ends");
  if (endPort < port) throw invalid(end, endPort, `is below port ${port}`, "swap them");
}
