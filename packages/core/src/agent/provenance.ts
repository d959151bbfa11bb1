import { cidrAround, formatAddress, formatCidr, type Address } from "../address/index.ts";
import type {
  BackendValue,
  EndpointKey,
  IpcacheKey,
  IpcachePrefixKey,
  PolicyKey,
  PolicyValue,
  ServiceKey,
} from "../datapath/schema.generated.ts";
import type { FactKind, FactTables } from "../facts/fact-tables.ts";
import type { RuleReference } from "../policy/rule-book.ts";
import type { PolicyDirection } from "../policy/types.ts";
import type { Revision } from "../ports/store.ts";
import type { Derivation } from "./derivation.ts";

/** A fact that something in the datapath follows from. */
export interface Provenance {
  readonly kind: FactKind;
  readonly name: string;
  /** When the fact was last changed. */
  readonly revision: Revision;
  /** Of a policy: which of its rules. */
  readonly rule?: RuleReference;
}

/** Says of an entry of the datapath which facts put it there. Empty where none did: then it is foreign, or on its way. */
export class Provenances {
  readonly #facts: FactTables;
  readonly #derivation: Derivation;

  constructor(facts: FactTables, derivation: Derivation) {
    this.#facts = facts;
    this.#derivation = derivation;
  }

  endpoint({ address }: EndpointKey): readonly Provenance[] {
    return this.#holder(address).filter(({ kind }) => kind === "endpoints");
  }

  ipcache({ address }: IpcacheKey): readonly Provenance[] {
    return this.#holder(address);
  }

  /** The node whose range it is, or the policies that name it. */
  prefix({ address, prefixLength }: IpcachePrefixKey): readonly Provenance[] {
    const text = formatCidr(cidrAround(address, address.family === 4 ? prefixLength - 96 : prefixLength));
    const found: Provenance[] = [];
    for (const [name, { value, revision }] of this.#facts.nodes) {
      if (value.podCIDRs.includes(text)) found.push({ kind: "nodes", name, revision });
    }
    for (const [name, { value, revision }] of this.#facts.policies) {
      const rules = [...(value.ingress?.rules ?? []), ...(value.egress?.rules ?? [])];
      const named = rules.flatMap(({ followed }) =>
        followed.flatMap((peer) => (peer.kind === "cidr" ? [peer.cidr, ...peer.except] : [])),
      );
      if (named.some((cidr) => formatCidr(cidr) === text)) found.push({ kind: "policies", name, revision });
    }
    return found;
  }

  /** The rule, and whose identity the entry names. */
  policy({ identity }: PolicyKey, { rule }: PolicyValue): readonly Provenance[] {
    const reference = this.#derivation.book.reference(rule);
    const found = reference === undefined ? [] : this.#policy(reference.policy, reference);
    const known = this.#facts.identities.get(String(identity));
    if (known !== undefined)
      found.push({ kind: "identities", name: String(identity), revision: known.revision });
    return found;
  }

  /** The policies for whose sake a set denies what no entry of it allows. */
  defaultDeny(set: number, direction: PolicyDirection): readonly Provenance[] {
    return this.#derivation.sets.enforcedBy(set, direction).flatMap((name) => this.#policy(name));
  }

  service({ address, port, protocol }: ServiceKey): readonly Provenance[] {
    const name = this.#derivation.services.ownerOf(address, port, protocol);
    const known = name === undefined ? undefined : this.#facts.services.get(name);
    return known === undefined ? [] : [{ kind: "services", name: name!, revision: known.revision }];
  }

  backend({ address }: BackendValue): readonly Provenance[] {
    return this.#holder(address);
  }

  #policy(name: string, rule?: RuleReference): Provenance[] {
    const known = this.#facts.policies.get(name);
    if (known === undefined) return [];
    return [{ kind: "policies", name, revision: known.revision, ...(rule === undefined ? {} : { rule }) }];
  }

  /** Who has an address: several, while it passes from one owner to the next. */
  #holder(address: Address): readonly Provenance[] {
    const text = formatAddress(address);
    const found: Provenance[] = [];
    for (const { value, revision } of this.#facts.endpoints.values()) {
      if (value.state === "live" && value.addresses.includes(text))
        found.push({ kind: "endpoints", name: value.name, revision });
    }
    for (const [name, { value, revision }] of this.#facts.nodes) {
      if ([...value.addresses, ...value.routers].includes(text))
        found.push({ kind: "nodes", name, revision });
    }
    return found;
  }
}
