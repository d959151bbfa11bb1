import { parseAddress, type Address, type PolicyDirection, type Revision } from "@netloom/core";
import { askPolicy, type EndpointValue, type PolicyEntry } from "@netloom/core/backend";
import type { Machine } from "../node/machine.ts";
import { blockNumber } from "../node/shadow.ts";
import type { PolicyEpochs } from "../reference/epochs.ts";
import type { Facts } from "../reference/facts.ts";
import { labelSet, PROBES, WORLD, type ReferencePeer } from "../reference/policy.ts";
import { KEYS } from "../store/keys.ts";
import type { Check } from "./invariant.ts";

const LOCKDOWN = 1;
const DIRECTIONS: readonly PolicyDirection[] = ["egress", "ingress"];
/** First identity of a pod, and first that is not any more. */
const PODS = [256, 65_536] as const;
/** Addresses outside the cluster: in a prefix that policies name, in a longer one, in another, in none. */
const OUTSIDE: readonly string[] = ["203.0.113.1", "203.0.113.200", "198.51.100.1", "192.88.99.1"];

export interface PolicyCheckOptions {
  readonly machines: () => Iterable<Machine>;
  readonly facts: Facts;
  readonly epochs: PolicyEpochs;
  /** Every key that changed after a revision, up to another. */
  readonly changedBetween: (after: Revision, upTo: Revision) => readonly string[];
}

/**
 * What a datapath's tables answer is, at every instant, what the policies said at some moment between what it has been
 * said to enforce and what its agent has heard: nothing is let through that all of them deny, nothing stopped that all of
 * them allow. And once it is said to enforce a revision, it does.
 */
export class PolicyCheck implements Check {
  readonly name = "policy";
  readonly #options: PolicyCheckOptions;
  readonly #outside: readonly Address[] = OUTSIDE.map(parseAddress);

  constructor(options: PolicyCheckOptions) {
    this.#options = options;
  }

  onEndpoint(machine: Machine, address: string): string | undefined {
    const endpoint = machine.shadow.endpoints.get(address);
    if (endpoint === undefined) return undefined;
    const wrong = this.#checkEndpoint(machine, endpoint, this.#peers(machine));
    if (wrong !== undefined) return wrong;
    // The whole cluster may hear of this identity from now on.
    for (const other of this.#options.machines()) {
      if (other === machine) continue;
      const wrong = this.#checkPeer(other, endpoint.identity);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  onAddress(machine: Machine, address: string): string | undefined {
    const row = machine.shadow.ipcache.get(address);
    return row === undefined ? undefined : this.#checkPeer(machine, row.identity);
  }

  onPrefix(machine: Machine): string | undefined {
    for (const endpoint of machine.shadow.endpoints.values()) {
      const wrong = this.#checkEndpoint(machine, endpoint, []);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  onPolicy(
    machine: Machine,
    key: { readonly policy: number; readonly identity: number },
  ): string | undefined {
    // Entries of a set that no endpoint has yet decide nothing.
    const concerned = [...machine.shadow.endpoints.values()].filter(
      ({ policy }) => key.policy === 0 || policy === key.policy,
    );
    if (concerned.length === 0) return undefined;
    const peers = isPod(key.identity) ? [key.identity] : this.#peers(machine);
    for (const endpoint of concerned) {
      const wrong = this.#checkEndpoint(machine, endpoint, peers);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  onApplied(machine: Machine, before: Revision, revision: Revision): string | undefined {
    const { changedBetween } = this.#options;
    const moved = changedBetween(before, revision).some(
      (key) =>
        key.startsWith(KEYS.policies) || key.startsWith(KEYS.identities) || key.startsWith(KEYS.endpoints),
    );
    return moved ? this.everything(machine) : undefined;
  }

  /** Every endpoint of a machine against everybody. */
  everything(machine: Machine): string | undefined {
    const peers = this.#peers(machine);
    for (const endpoint of machine.shadow.endpoints.values()) {
      const wrong = this.#checkEndpoint(machine, endpoint, peers);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  /** Whom packets may come from or go to: who bears an identity somewhere, or is believed to. */
  #peers(machine: Machine): readonly number[] {
    const peers = new Set<number>();
    for (const { shadow } of this.#options.machines())
      for (const { identity } of shadow.endpoints.values()) peers.add(identity);
    for (const { identity } of machine.shadow.ipcache.values()) if (isPod(identity)) peers.add(identity);
    return [...peers];
  }

  #checkPeer(machine: Machine, identity: number): string | undefined {
    if (!isPod(identity)) return undefined;
    for (const endpoint of machine.shadow.endpoints.values()) {
      const wrong = this.#checkPair(machine, endpoint, identity);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #checkEndpoint(machine: Machine, endpoint: EndpointValue, peers: readonly number[]): string | undefined {
    for (const peer of peers) {
      const wrong = this.#checkPair(machine, endpoint, peer);
      if (wrong !== undefined) return wrong;
    }
    for (const [index, address] of this.#outside.entries()) {
      const identity = machine.shadow.prefixOf(address)?.identity ?? WORLD;
      const peer: ReferencePeer = { kind: "outside", address: OUTSIDE[index]! };
      const wrong = this.#compare(machine, endpoint, identity, peer, true);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #checkPair(machine: Machine, endpoint: EndpointValue, identity: number): string | undefined {
    const { facts } = this.#options;
    const labels = facts.meaning(identity);
    if (labels === undefined) return undefined;
    const known =
      facts.meaningAt(identity, machine.applied) !== undefined &&
      facts.meaningAt(identity, machine.seen) !== undefined;
    return this.#compare(machine, endpoint, identity, { kind: "pod", labels: labelSet(labels) }, known);
  }

  /** @param known - the datapath must know this peer by now. */
  #compare(
    machine: Machine,
    endpoint: EndpointValue,
    identity: number,
    peer: ReferencePeer,
    known: boolean,
  ): string | undefined {
    const { facts, epochs } = this.#options;
    const labels = facts.meaning(endpoint.identity);
    if (labels === undefined) return undefined;
    const subject = labelSet(labels);
    const references = epochs.between(machine.applied, Math.max(machine.seen, machine.applied));
    for (const direction of DIRECTIONS) {
      const answer = verdicts(machine, endpoint, direction, identity);
      let some = 0;
      let all = -1;
      for (const reference of references) {
        const bits = reference.allowed(subject, direction, peer);
        some |= bits;
        all &= bits;
      }
      const opened = answer & ~some;
      const closed = known && (endpoint.flags & LOCKDOWN) === 0 ? all & ~answer : 0;
      if (opened === 0 && closed === 0) continue;
      const probe = PROBES[31 - Math.clz32(opened === 0 ? closed : opened)]!;
      const who = peer.kind === "pod" ? `${peer.labels.key} (${identity})` : `${peer.address} (${identity})`;
      return (
        `${machine.name} ${opened === 0 ? "stops" : "lets through"} ${direction} ${probe.protocol} ${probe.port} ` +
        `of ${subject.key} (${endpoint.identity}, set ${endpoint.policy}) and ${who}, which every policy ` +
        `between revisions ${machine.applied} and ${machine.seen} ${opened === 0 ? "allows" : "denies"}`
      );
    }
    return undefined;
  }
}

function isPod(identity: number): boolean {
  return identity >= PODS[0] && identity < PODS[1];
}

/** What a datapath's tables answer to {@link PROBES}, as bits. */
function verdicts(
  { shadow }: Machine,
  endpoint: EndpointValue,
  direction: PolicyDirection,
  identity: number,
): number {
  if ((endpoint.flags & LOCKDOWN) !== 0) return 0;
  const code = direction === "egress" ? 0 : 1;
  const set = shadow.policy.get(endpoint.policy);
  const lookup = (peer: number, protocol: number, bits: number, port: number): PolicyEntry | undefined => {
    const value = set?.get(peer)?.get(blockNumber({ direction: code, protocol, portBits: bits, port }));
    return value === undefined
      ? undefined
      : { identity: peer, protocol, bits, port, deny: value.deny !== 0, rule: value.rule };
  };
  const known = (peer: number): boolean => shadow.policy.get(0)?.has(peer) === true;
  const shape = direction === "egress" ? endpoint.egressShape : endpoint.ingressShape;
  let allowed = 0;
  for (const [index, { number, port }] of PROBES.entries()) {
    if (askPolicy(lookup, shape, { identity, protocol: number, port }, known).allowed) allowed |= 1 << index;
  }
  return allowed;
}
