import { LRUCache } from "lru-cache";
import { formatAddress, type Address } from "../address/index.ts";
import {
  CtState,
  Hook,
  Outcome,
  PolicyMatch,
  sourceFileName,
  type Event,
} from "../datapath/schema.generated.ts";
import { dropReasonText } from "../datapath/words.ts";
import type { FactChange, FactTables } from "../facts/fact-tables.ts";
import { reservedName } from "../identity/numeric.ts";
import { PROTOCOL_NUMBERS } from "../policy/l4.ts";
import type { RuleReference } from "../policy/rule-book.ts";
import type { PolicyDirection } from "../policy/types.ts";
import type { Attachment, Datapath, HookName } from "../ports/datapath.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { Derivation } from "./derivation.ts";

/** One end of a flow. */
export interface FlowEnd {
  readonly address: string;
  readonly port: number;
  readonly identity: number;
  /** Of the identity; a reserved one has `reserved:<name>`. */
  readonly labels: readonly string[];
  /** The pod that has the address, `namespace/name`. */
  readonly endpoint: string | undefined;
}

/** What one direction's policy said. */
export interface FlowVerdict {
  readonly direction: PolicyDirection;
  /** Number of the policy set that was asked. */
  readonly policy: number;
  /** What kind of entry decided, e.g. `l3-l4`; `none`: no entry did. */
  readonly match: string;
  /** The rule that decided, where one did. */
  readonly rule: RuleReference | undefined;
  /** The policies that made the direction deny by default: the cause where no rule decided a drop. */
  readonly enforcedBy: readonly string[];
}

export type FlowOutcome = "dropped" | "to-endpoint" | "to-overlay" | "to-netdev" | "to-stack";

/** One pass of one packet through one program of one node: all that was looked up and decided. */
export interface Flow {
  /** Milliseconds since 1970, as near as the two clocks can be compared. */
  readonly time: number;
  /** The datapath's own clock, in nanoseconds: orders the flows of one machine exactly. */
  readonly ticks: bigint;
  readonly node: string;
  readonly hook: HookName;
  readonly outcome: FlowOutcome;
  /** Why it was dropped, e.g. `policy-denied`. */
  readonly reason: string | undefined;
  readonly protocol: string;
  readonly tcpFlags: readonly string[];
  readonly icmpType: number | undefined;
  readonly source: FlowEnd;
  readonly destination: FlowEnd;
  /** Where it was translated on the way: what the ends are now. */
  readonly translated: { readonly source: string; readonly destination: string } | undefined;
  /** The service that chose its destination, or that it is a reply of. */
  readonly service: string | undefined;
  readonly state: "new" | "established" | "reply" | "related";
  /** The node at the other end of the tunnel. */
  readonly tunnel: string | undefined;
  readonly egress: FlowVerdict | undefined;
  readonly ingress: FlowVerdict | undefined;
  /** Bytes with the Ethernet header. */
  readonly length: number;
  /** The device the program is attached to. */
  readonly interface: string | undefined;
  /** Where the source of the datapath's programs dropped it, e.g. `from_container.c:104`. */
  readonly place: string | undefined;
}

const HOOKS: Readonly<Record<number, HookName>> = {
  [Hook.HOOK_FROM_CONTAINER]: "from-container",
  [Hook.HOOK_TO_CONTAINER]: "to-container",
  [Hook.HOOK_FROM_OVERLAY]: "from-overlay",
  [Hook.HOOK_FROM_NETDEV]: "from-netdev",
  [Hook.HOOK_TO_NETDEV]: "to-netdev",
};

const OUTCOMES: Readonly<Record<number, FlowOutcome>> = {
  [Outcome.OUTCOME_DROPPED]: "dropped",
  [Outcome.OUTCOME_TO_ENDPOINT]: "to-endpoint",
  [Outcome.OUTCOME_TO_OVERLAY]: "to-overlay",
  [Outcome.OUTCOME_TO_NETDEV]: "to-netdev",
  [Outcome.OUTCOME_TO_STACK]: "to-stack",
};

const STATES: Readonly<Record<number, Flow["state"]>> = {
  [CtState.CT_NEW]: "new",
  [CtState.CT_ESTABLISHED]: "established",
  [CtState.CT_REPLY]: "reply",
  [CtState.CT_RELATED]: "related",
};

const MATCHES: Readonly<Record<number, string>> = {
  [PolicyMatch.POLICY_MATCH_NONE]: "none",
  [PolicyMatch.POLICY_MATCH_L3]: "l3",
  [PolicyMatch.POLICY_MATCH_L3_L4]: "l3-l4",
  [PolicyMatch.POLICY_MATCH_L4]: "l4",
  [PolicyMatch.POLICY_MATCH_ALL]: "all",
  [PolicyMatch.POLICY_MATCH_L3_PROTOCOL]: "l3-protocol",
  [PolicyMatch.POLICY_MATCH_PROTOCOL]: "protocol",
  [PolicyMatch.POLICY_MATCH_CACHED]: "cached",
  [PolicyMatch.POLICY_MATCH_LOCAL_HOST]: "local-host",
  [PolicyMatch.POLICY_MATCH_SELF]: "self",
};

const PROTOCOLS = new Map<number, string>(
  Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name]),
);

const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;

/** Gives the datapath's events their names. */
export class FlowReader {
  readonly #node: string;
  readonly #datapath: Datapath;
  readonly #facts: FactTables;
  readonly #derivation: Derivation;
  readonly #runtime: Runtime;
  readonly #endpoints = new Map<string, string>();
  readonly #interfaces = new Map<number, string>();
  /** Who had an address, and what a number meant, until not long ago: events come later than facts. */
  readonly #formerEndpoints = new LRUCache<string, string>({ max: 4096 });
  readonly #formerIdentities = new LRUCache<number, readonly string[]>({ max: 4096 });

  constructor(options: {
    readonly node: string;
    readonly datapath: Datapath;
    readonly facts: FactTables;
    readonly derivation: Derivation;
    readonly runtime: Runtime;
  }) {
    this.#node = options.node;
    this.#datapath = options.datapath;
    this.#facts = options.facts;
    this.#derivation = options.derivation;
    this.#runtime = options.runtime;
  }

  remember(change: FactChange): void {
    if (change.kind === "identities" && change.after === undefined && change.before !== undefined) {
      this.#formerIdentities.set(Number(change.key), change.before.value.toStrings());
    }
    if (change.kind !== "endpoints") return;
    const { before, after } = change;
    for (const address of before?.value.addresses ?? []) {
      if (this.#endpoints.get(address) !== before?.value.name) continue;
      this.#endpoints.delete(address);
      this.#formerEndpoints.set(address, before!.value.name);
    }
    if (after?.value.state !== "live") return;
    for (const address of after.value.addresses) this.#endpoints.set(address, after.value.name);
  }

  named(attachment: Attachment): void {
    this.#interfaces.set(attachment.ifindex, attachment.interface);
  }

  async *read(signal: AbortSignal): AsyncGenerator<readonly Flow[], void, undefined> {
    for await (const batch of this.#datapath.events({ signal })) {
      const offset = this.#runtime.clock.now() - this.#datapath.now();
      yield batch.map((event) => this.#flow(event, offset));
    }
  }

  describe(event: Event): Flow {
    return this.#flow(event, this.#runtime.clock.now() - this.#datapath.now());
  }

  /** @param offset - from the datapath's clock to the wall's, in milliseconds. */
  #flow(event: Event, offset: number): Flow {
    const tcp = event.protocol === PROTOCOL_NUMBERS.TCP;
    const icmp = event.protocol === PROTOCOL_NUMBERS.ICMP;
    const dropped = event.outcome === Outcome.OUTCOME_DROPPED;
    return {
      time: Number(event.time / 1000n) / 1000 + offset,
      ticks: event.time,
      node: this.#node,
      hook: HOOKS[event.hook] ?? "from-container",
      outcome: OUTCOMES[event.outcome] ?? "dropped",
      reason: dropped ? dropReasonText(event.reason) : undefined,
      protocol: PROTOCOLS.get(event.protocol) ?? String(event.protocol),
      tcpFlags: tcp ? TCP_FLAGS.filter((_, bit) => (event.tcpFlags & (1 << bit)) !== 0) : [],
      icmpType: icmp ? event.tcpFlags : undefined,
      source: this.#end(event.source, event.sourcePort, event.sourceIdentity),
      destination: this.#end(event.destination, event.destinationPort, event.destinationIdentity),
      translated: translation(event),
      service: this.#service(event),
      state: STATES[event.ctState] ?? "new",
      tunnel: event.tunnel.w3 === 0 ? undefined : formatAddress(event.tunnel),
      egress: this.#verdict(event, "egress"),
      ingress: this.#verdict(event, "ingress"),
      length: event.length,
      interface: this.#interfaces.get(event.ifindex),
      place: placeText(event),
    };
  }

  #end(address: Address, port: number, identity: number): FlowEnd {
    const text = formatAddress(address);
    const reserved = reservedName(identity);
    const labels =
      reserved === undefined
        ? (this.#facts.identities.get(String(identity))?.value.toStrings() ??
          this.#formerIdentities.get(identity) ??
          this.#derivation.peers.labelsOfPrefix(identity))
        : [`reserved:${reserved}`];
    return { address: text, port, identity, labels, endpoint: this.#endpointAt(text) };
  }

  #endpointAt(address: string): string | undefined {
    return this.#endpoints.get(address) ?? this.#formerEndpoints.get(address);
  }

  #service(event: Event): string | undefined {
    const { services } = this.#derivation;
    const frontend =
      event.ctState === CtState.CT_REPLY
        ? services.ownerOf(event.newSource, event.newSourcePort, event.protocol)
        : services.ownerOf(event.destination, event.destinationPort, event.protocol);
    return frontend;
  }

  #verdict(event: Event, direction: PolicyDirection): FlowVerdict | undefined {
    const egress = direction === "egress";
    const policy = egress ? event.egressPolicy : event.ingressPolicy;
    const match = egress ? event.egressMatch : event.ingressMatch;
    const rule = egress ? event.egressRule : event.ingressRule;
    if (policy === 0 && match === PolicyMatch.POLICY_MATCH_NONE) return undefined;
    return {
      direction,
      policy,
      match: MATCHES[match] ?? String(match),
      rule: rule === 0 ? undefined : this.#derivation.book.reference(rule),
      enforcedBy: this.#derivation.sets.enforcedBy(policy, direction),
    };
  }
}

/** `DROP_POLICY_DENIED` as `policy-denied`. */
/** `SOURCE_DELIVER_H` as `deliver.h`. A datapath without a source of C has none. */
function placeText({ file, line }: Event): string | undefined {
  if (line === 0) return undefined;
  const name = sourceFileName(file)?.slice("SOURCE_".length).toLowerCase();
  return `${name?.replace(/_(?=[ch]$)/, ".") ?? `file ${file}`}:${line}`;
}

function translation(event: Event): Flow["translated"] {
  const source = `${formatAddress(event.newSource)}:${event.newSourcePort}`;
  const destination = `${formatAddress(event.newDestination)}:${event.newDestinationPort}`;
  const same =
    source === `${formatAddress(event.source)}:${event.sourcePort}` &&
    destination === `${formatAddress(event.destination)}:${event.destinationPort}`;
  return same ? undefined : { source, destination };
}
