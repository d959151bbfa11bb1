import type { Address } from "../../src/address/index.ts";
import { Direction, type PolicyKey, type PolicyValue } from "../../src/datapath/schema.generated.ts";
import { RESERVED_IDENTITIES } from "../../src/identity/numeric.ts";
import { Ipcache } from "../../src/ipcache/ipcache.ts";
import { LabelTable, type LabelSet } from "../../src/labels/index.ts";
import { PROTOCOL_NUMBERS } from "../../src/policy/l4.ts";
import { parsePolicy } from "../../src/policy/parse.ts";
import { Peers } from "../../src/policy/peers.ts";
import { knownKey, PolicySets } from "../../src/policy/policy-sets.ts";
import { RuleBook } from "../../src/policy/rule-book.ts";
import type { NetworkPolicy, PolicyDirection } from "../../src/policy/types.ts";
import { askPolicy } from "../../src/policy/verdict.ts";

export interface EngineQuestion {
  readonly direction: PolicyDirection;
  /** The endpoint whose policy is asked. */
  readonly subject: string;
  /** Another endpoint, or an address outside the cluster. */
  readonly peer: string | Address;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
}

interface Known {
  readonly id: number;
  readonly labels: LabelSet;
  users: number;
}

/**
 * Core's policy engine from one end to the other, and nothing else: policies and endpoints go in, the entries that a
 * datapath's map would hold come out, and questions are answered from those as the datapath answers them.
 */
export class PureEngine {
  readonly #labels = new LabelTable();
  /** What listeners threw: whoever tells them carries on. */
  readonly #errors: unknown[] = [];
  readonly #peers = new Peers((error) => this.#errors.push(error));
  readonly #book = new RuleBook(this.#peers);
  readonly #sets = new PolicySets({ book: this.#book, peers: this.#peers, mode: "default" });
  readonly #policies = new Map<string, string>();
  readonly #endpoints = new Map<string, Known>();
  readonly #identities = new Map<LabelSet, Known>();
  readonly #map = new Map<string, PolicyValue>();
  #ipcache = new Ipcache(RESERVED_IDENTITIES.world);
  #nextId = 256;

  /** How many entries the policy map has. */
  get entries(): number {
    return this.#map.size;
  }

  /** These policies and these endpoints, by name, are all there are now; only what is different changes. */
  apply(policies: readonly NetworkPolicy[], endpoints: ReadonlyMap<string, readonly string[]>): void {
    const changes: [id: number, labels: LabelSet | undefined][] = [];
    for (const [name, texts] of endpoints) {
      const before = this.#endpoints.get(name);
      const labels = this.#labels.fromStrings(texts);
      if (before?.labels === labels) continue;
      this.#endpoints.set(name, this.#acquire(labels, changes));
      if (before !== undefined) this.#release(before, changes);
    }
    for (const [name, before] of this.#endpoints) {
      if (endpoints.has(name)) continue;
      this.#endpoints.delete(name);
      this.#release(before, changes);
    }
    this.#sets.identitiesChanged(changes);
    this.#applyPolicies(policies);
    this.#write();
    this.#ipcache = new Ipcache(RESERVED_IDENTITIES.world);
    this.#ipcache.setNamed(this.#peers.prefixes);
    // Addresses have the numbers of their prefixes now: sets need not know what was there before.
    this.#peers.settlePrefixes();
    this.#write();
    if (this.#errors.length > 0) throw new AggregateError(this.#errors);
  }

  allows({ direction, subject, peer, protocol, port }: EngineQuestion): boolean {
    const set = this.#sets.of(this.#endpoints.get(subject)!.id)!;
    const code = direction === "egress" ? Direction.DIRECTION_EGRESS : Direction.DIRECTION_INGRESS;
    const shape = direction === "egress" ? set.egressShape : set.ingressShape;
    const verdict = askPolicy(
      (identity, protocol, portBits, port) => {
        const key = { policy: set.policy, identity, direction: code, protocol, portBits, port };
        const value = this.#map.get(textOf(key));
        return (
          value && { identity, protocol, bits: portBits, port, deny: value.deny === 1, rule: value.rule }
        );
      },
      shape,
      { identity: this.#identityOf(peer), protocol: PROTOCOL_NUMBERS[protocol], port },
      (identity) => this.#map.has(textOf(knownKey(identity))),
    );
    return verdict.allowed;
  }

  #write(): void {
    const { added, removed, forgotten } = this.#sets.update();
    for (const [key, value] of added) this.#map.set(textOf(key), value);
    for (const key of [...removed, ...forgotten]) this.#map.delete(textOf(key));
  }

  #identityOf(peer: string | Address): number {
    if (typeof peer === "string") return this.#endpoints.get(peer)!.id;
    return this.#ipcache.lookup(peer)?.identity ?? RESERVED_IDENTITIES.world;
  }

  #applyPolicies(policies: readonly NetworkPolicy[]): void {
    const names = new Set(policies.map(({ name }) => name));
    for (const policy of policies) {
      const text = JSON.stringify(policy);
      if (this.#policies.get(policy.name) === text) continue;
      this.#policies.set(policy.name, text);
      // As the store gives it back.
      this.#book.set(policy.name, parsePolicy(JSON.parse(text)));
      this.#sets.policiesChanged();
    }
    for (const name of this.#policies.keys()) {
      if (names.has(name)) continue;
      this.#policies.delete(name);
      this.#book.set(name, undefined);
      this.#sets.policiesChanged();
    }
  }

  #acquire(labels: LabelSet, changes: [number, LabelSet | undefined][]): Known {
    let known = this.#identities.get(labels);
    if (known === undefined) {
      known = { id: this.#nextId++, labels, users: 0 };
      this.#identities.set(labels, known);
      changes.push([known.id, labels]);
    }
    known.users++;
    this.#sets.acquire(known.id, labels);
    return known;
  }

  #release(known: Known, changes: [number, LabelSet | undefined][]): void {
    for (const key of this.#sets.release(known.id)) this.#map.delete(textOf(key));
    if (--known.users > 0) return;
    this.#identities.delete(known.labels);
    changes.push([known.id, undefined]);
  }
}

function textOf({ policy, identity, direction, protocol, portBits, port }: PolicyKey): string {
  return `${policy} ${identity} ${direction} ${protocol} ${portBits} ${port}`;
}
