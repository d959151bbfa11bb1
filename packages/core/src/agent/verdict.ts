import { formatAddress, parseAddress, type Address } from "../address/index.ts";
import { Direction, type EndpointValue } from "../datapath/schema.generated.ts";
import { RESERVED_IDENTITIES } from "../identity/numeric.ts";
import type { PolicyEntry } from "../policy/compile.ts";
import { knownKey } from "../policy/policy-sets.ts";
import { PROTOCOL_NUMBERS } from "../policy/l4.ts";
import type { RuleReference } from "../policy/rule-book.ts";
import type { PolicyDirection } from "../policy/types.ts";
import { askPolicy, type PolicyLookup } from "../policy/verdict.ts";
import type { DatapathMaps } from "../ports/datapath.ts";
import type { Derivation } from "./derivation.ts";

export interface VerdictQuestion {
  readonly source: string;
  readonly destination: string;
  readonly protocol: "TCP" | "UDP" | "SCTP" | "ICMP";
  /** Destination port; the type for ICMP. */
  readonly port: number;
}

/** What one direction's policy says, read from the datapath's tables. */
export interface DirectionVerdict {
  readonly allowed: boolean;
  readonly rule: RuleReference | undefined;
  /** The policies that made the direction deny by default. */
  readonly enforcedBy: readonly string[];
}

export interface Verdict {
  /** By all that this node has a say in. */
  readonly allowed: boolean;
  readonly sourceIdentity: number;
  readonly destinationIdentity: number;
  /** Where the destination is a service's: the backend that was looked at, `address:port`. */
  readonly backend: string | undefined;
  /** Where the destination is a service's: the share of new flows that each backend gets, by `address:port`. */
  readonly shares: ReadonlyMap<string, number>;
  /** `undefined`: the source is no pod of this node. */
  readonly egress: DirectionVerdict | undefined;
  /** `undefined`: the destination is no pod of this node, its own node decides. */
  readonly ingress: DirectionVerdict | undefined;
}

interface Tables {
  readonly maps: DatapathMaps;
  readonly derivation: Derivation;
  readonly worldIdentity: number;
  readonly allowLocalHost: boolean;
}

/** Reads the datapath's own tables as its programs would for the first packet of a flow. */
export function askVerdict(question: VerdictQuestion, tables: Tables): Verdict {
  const source = parseAddress(question.source);
  const target = throughService(parseAddress(question.destination), question, tables);
  const from = tables.maps.endpoints.get({ address: source });
  const to = tables.maps.endpoints.get({ address: target.address });
  const sourceIdentity = from?.identity ?? identityAt(source, tables);
  const destinationIdentity = to?.identity ?? identityAt(target.address, tables);
  const self = from !== undefined && from === to;
  const ask = (pod: EndpointValue, direction: PolicyDirection, identity: number): DirectionVerdict =>
    askDirection(
      pod,
      direction,
      { identity, protocol: PROTOCOL_NUMBERS[question.protocol], port: target.port },
      tables,
    );
  const egress = from === undefined || self ? undefined : ask(from, "egress", destinationIdentity);
  const ingress = to === undefined || self ? undefined : ask(to, "ingress", sourceIdentity);
  return {
    allowed: (egress?.allowed ?? true) && (ingress?.allowed ?? true),
    sourceIdentity,
    destinationIdentity,
    egress,
    ingress,
    backend: target.shares.size > 0 ? endText(target) : undefined,
    shares: target.shares,
  };
}

interface Target {
  readonly address: Address;
  readonly port: number;
  readonly shares: ReadonlyMap<string, number>;
}

/** The destination itself, or of a service the backend that gets the most new flows. */
function throughService(address: Address, { protocol, port }: VerdictQuestion, { maps }: Tables): Target {
  const service = maps.services.get({ address, port, protocol: PROTOCOL_NUMBERS[protocol] });
  const table = service === undefined ? undefined : maps.maglev.get(service.id);
  const slots = new Map<number, number>();
  for (const index of table ?? []) if (index !== 0) slots.set(index, (slots.get(index) ?? 0) + 1);
  const shares = new Map<string, number>();
  let chosen: Target | undefined;
  let most = 0;
  for (const [index, count] of slots) {
    const backend = maps.backends.get(index);
    if (backend === undefined) continue;
    shares.set(endText(backend), count / table!.length);
    if (count > most) chosen = { address: backend.address, port: backend.port, shares };
    most = Math.max(most, count);
  }
  return chosen ?? { address, port, shares };
}

function endText({ address, port }: { readonly address: Address; readonly port: number }): string {
  return `${formatAddress(address)}:${port}`;
}

function identityAt(address: Address, { derivation, worldIdentity }: Tables): number {
  return derivation.ipcache.lookup(address)?.identity ?? worldIdentity;
}

function askDirection(
  pod: EndpointValue,
  direction: PolicyDirection,
  question: { readonly identity: number; readonly protocol: number; readonly port: number },
  { maps, derivation, allowLocalHost }: Tables,
): DirectionVerdict {
  const enforcedBy = derivation.sets.enforcedBy(pod.policy, direction);
  if (direction === "ingress" && allowLocalHost && question.identity === RESERVED_IDENTITIES.host) {
    return { allowed: true, rule: undefined, enforcedBy };
  }
  const code = direction === "egress" ? Direction.DIRECTION_EGRESS : Direction.DIRECTION_INGRESS;
  const lookup: PolicyLookup = (identity, protocol, bits, port): PolicyEntry | undefined => {
    const key = { policy: pod.policy, identity, direction: code, protocol, portBits: bits, port };
    const value = maps.policy.get(key);
    return value === undefined
      ? undefined
      : { identity, protocol, bits, port, deny: value.deny !== 0, rule: value.rule };
  };
  const shape = direction === "egress" ? pod.egressShape : pod.ingressShape;
  const known = (identity: number): boolean => maps.policy.get(knownKey(identity)) !== undefined;
  const { allowed, entry } = askPolicy(lookup, shape, question, known);
  return {
    allowed,
    rule: entry === undefined ? undefined : derivation.book.reference(entry.rule),
    enforcedBy,
  };
}
