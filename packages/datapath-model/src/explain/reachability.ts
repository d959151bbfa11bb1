import { formatAddress, type Inspection } from "@netloom/core";
import { askPolicy, Direction, type EndpointValue, type PolicyEntry } from "@netloom/core/backend";
import { IpProtocol } from "../walk/protocols.ts";

/** Ports, all of which are judged alike. Of ICMP: types. */
export interface PortRange {
  readonly protocol: "TCP" | "UDP" | "SCTP" | "ICMP";
  readonly from: number;
  readonly to: number;
}

/** What two pods may say to each other now, and may not then; or the other way round. */
export interface ReachabilityChange {
  readonly source: string;
  readonly destination: string;
  readonly ports: PortRange;
  /** `opened`: denied before, allowed after. */
  readonly change: "opened" | "closed";
}

const PROTOCOLS = {
  TCP: IpProtocol.TCP,
  UDP: IpProtocol.UDP,
  SCTP: IpProtocol.SCTP,
  ICMP: IpProtocol.ICMP,
} as const;

/**
 * Compares what policy lets every pod say to every other, in two states of a cluster: as it is (`agent.inspect()`) and
 * as a change would make it (`agent.propose()`), say. Pods that only one of them has are left out. Pairs with equal
 * rights are judged once.
 */
export function reachabilityChanges(
  before: readonly Inspection[],
  after: readonly Inspection[],
): readonly ReachabilityChange[] {
  const [then, now] = [podsOf(after), podsOf(before)];
  const names = [...now.keys()].filter((name) => then.has(name)).sort();
  const judged = new Map<string, readonly Omit<ReachabilityChange, "source" | "destination">[]>();
  const changes: ReachabilityChange[] = [];
  for (const source of names) {
    for (const destination of names) {
      if (source === destination) continue;
      const was = new Pair(now.get(source)!, now.get(destination)!);
      const will = new Pair(then.get(source)!, then.get(destination)!);
      const key = `${was.key} ${will.key}`;
      let found = judged.get(key);
      if (found === undefined) judged.set(key, (found = compare(was, will)));
      for (const each of found) changes.push({ source, destination, ...each });
    }
  }
  return changes;
}

interface Pod {
  readonly value: EndpointValue;
  readonly sets: PolicyTable;
}

/** The pods of all nodes, by name. */
function podsOf(inspections: readonly Inspection[]): ReadonlyMap<string, Pod> {
  const pods = new Map<string, Pod>();
  for (const { maps, provenance, node } of inspections) {
    const sets = new PolicyTable(node, maps.policy.entries());
    for (const [key, value] of maps.endpoints.entries()) {
      const [fact] = provenance.endpoint(key);
      pods.set(fact?.name ?? formatAddress(key.address), { value, sets });
    }
  }
  return pods;
}

type PolicyRow = readonly [
  {
    readonly policy: number;
    readonly identity: number;
    readonly direction: number;
    readonly protocol: number;
    readonly port: number;
    readonly portBits: number;
  },
  { readonly deny: number; readonly rule: number },
];

/** The policy map of a node, by set. */
class PolicyTable {
  readonly node: string;
  readonly #entries = new Map<string, PolicyEntry>();
  /** Where judgements may change: first ports of blocks and those behind them, by set, direction and protocol. */
  readonly #edges = new Map<string, Set<number>>();
  readonly #known = new Set<number>();

  constructor(node: string, rows: Iterable<PolicyRow>) {
    this.node = node;
    for (const [{ policy, identity, direction, protocol, port, portBits }, { deny, rule }] of rows) {
      if (policy === 0) this.#known.add(identity);
      const entry = { identity, protocol, bits: portBits, port, deny: deny !== 0, rule };
      this.#entries.set(`${policy} ${direction} ${identity} ${protocol} ${portBits} ${port}`, entry);
      const key = `${policy} ${direction} ${protocol}`;
      const edges = this.#edges.get(key) ?? new Set();
      this.#edges.set(key, edges.add(port).add(port + 2 ** (16 - portBits)));
    }
  }

  allows(
    { policy, egressShape, ingressShape }: EndpointValue,
    direction: Direction,
    question: { readonly identity: number; readonly protocol: number; readonly port: number },
  ): boolean {
    const shape = direction === Direction.DIRECTION_EGRESS ? egressShape : ingressShape;
    return askPolicy(
      (identity, protocol, bits, port) =>
        this.#entries.get(`${policy} ${direction} ${identity} ${protocol} ${bits} ${port}`),
      shape,
      question,
      (identity) => this.#known.has(identity),
    ).allowed;
  }

  edges(policy: number, direction: Direction, protocol: number): Iterable<number> {
    return this.#edges.get(`${policy} ${direction} ${protocol}`) ?? [];
  }
}

/** What one pod may say to another. */
class Pair {
  /** The same text, the same rights. */
  readonly key: string;
  readonly #source: Pod;
  readonly #destination: Pod;

  constructor(source: Pod, destination: Pod) {
    this.#source = source;
    this.#destination = destination;
    this.key = [source, destination]
      .map(({ value, sets }) => `${sets.node}/${value.policy}/${value.identity}`)
      .join(" ");
  }

  edges(protocol: number): readonly number[] {
    const { value: from, sets: leaving } = this.#source;
    const { value: to, sets: arriving } = this.#destination;
    return [
      ...leaving.edges(from.policy, Direction.DIRECTION_EGRESS, protocol),
      ...arriving.edges(to.policy, Direction.DIRECTION_INGRESS, protocol),
    ];
  }

  allows(protocol: number, port: number): boolean {
    const { value: from, sets: leaving } = this.#source;
    const { value: to, sets: arriving } = this.#destination;
    return (
      leaving.allows(from, Direction.DIRECTION_EGRESS, { identity: to.identity, protocol, port }) &&
      arriving.allows(to, Direction.DIRECTION_INGRESS, { identity: from.identity, protocol, port })
    );
  }
}

function compare(was: Pair, will: Pair): readonly Omit<ReachabilityChange, "source" | "destination">[] {
  const found: { ports: PortRange; change: "opened" | "closed" }[] = [];
  for (const [name, protocol] of Object.entries(PROTOCOLS) as [PortRange["protocol"], number][]) {
    const end = name === "ICMP" ? 256 : 65_536;
    const edges = [...new Set([0, ...was.edges(protocol), ...will.edges(protocol)])];
    const starts = edges.filter((edge) => edge < end).sort((a, b) => a - b);
    for (const [index, from] of starts.entries()) {
      const to = (starts[index + 1] ?? end) - 1;
      const [before, after] = [was.allows(protocol, from), will.allows(protocol, from)];
      if (before === after) continue;
      const change = after ? "opened" : "closed";
      const last = found.at(-1);
      const joined = last?.change === change && last.ports.protocol === name && last.ports.to === from - 1;
      if (joined) found[found.length - 1] = { change, ports: { ...last.ports, to } };
      else found.push({ change, ports: { protocol: name, from, to } });
    }
  }
  return found;
}
