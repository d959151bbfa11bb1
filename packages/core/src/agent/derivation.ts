import { cidrAround, parseAddress, parseCidr } from "../address/index.ts";
import { partOf } from "../datapath/table-part.ts";
import { Mirror } from "../datapath/mirror.ts";
import {
  EndpointFlag,
  endpointKeyCodec,
  endpointValueCodec,
  policyKeyCodec,
  policyValueCodec,
  type EndpointKey,
  type EndpointValue,
  type PolicyKey,
  type PolicyValue,
} from "../datapath/schema.generated.ts";
import type { EndpointFact } from "../endpoint/binding.ts";
import { isNetloomError, NetloomError } from "../errors.ts";
import type { FactChange, FactTables, Known } from "../facts/fact-tables.ts";
import { identityScope, RESERVED_IDENTITIES } from "../identity/numeric.ts";
import { Ipcache, type IpcacheEntry } from "../ipcache/ipcache.ts";
import { LpmMap } from "../ipcache/lpm.ts";
import type { LabelTable } from "../labels/index.ts";
import type { NodeFact } from "../node/node.ts";
import { routeTableOf } from "../node/route-table.ts";
import { Peers } from "../policy/peers.ts";
import { PolicySets, type PolicyAssignment } from "../policy/policy-sets.ts";
import { RuleBook } from "../policy/rule-book.ts";
import type { EnforcementMode } from "../policy/types.ts";
import type { Attachment, DatapathMaps, Drift } from "../ports/datapath.ts";
import type { RoutePlan } from "../ports/routing.ts";
import { ServiceBook } from "../service/service-book.ts";
import { ServiceTables } from "../service/service-tables.ts";

/** How the pods of a node are reached. */
type Way = Pick<IpcacheEntry, "tunnel" | "native">;

/** Of what is on this node, and of nodes' own addresses. */
const AS_ANY_OTHER: Way = { tunnel: undefined, native: false };

export interface DerivationOptions {
  readonly node: string;
  readonly enforcement: EnforcementMode;
  readonly worldIdentity: number;
  readonly facts: FactTables;
  readonly labels: LabelTable;
  readonly report: (error: unknown) => void;
}

/**
 * What the datapath should hold, derived from the facts: no I/O, no time, no chance. Facts go in by
 * {@link Derivation.apply}, changes to the maps come out by {@link Derivation.write}.
 */
export class Derivation {
  readonly peers: Peers;
  readonly book: RuleBook;
  readonly sets: PolicySets;
  readonly services: ServiceBook;
  readonly serviceTables: ServiceTables = new ServiceTables();
  readonly ipcache: Ipcache;
  readonly #options: DerivationOptions;
  readonly #endpoints: Mirror<EndpointKey, EndpointValue> = new Mirror({
    key: endpointKeyCodec,
    value: endpointValueCodec,
  });
  readonly #policy: Mirror<PolicyKey, PolicyValue> = new Mirror({
    key: policyKeyCodec,
    value: policyValueCodec,
  });
  /** Which identities are known ({@link PolicySets}): the same table, written at another time. */
  readonly #marks: Mirror<PolicyKey, PolicyValue> = new Mirror({
    key: policyKeyCodec,
    value: policyValueCodec,
  });
  /** Entries of sets that an agent before this one has left in force. */
  #adopted: (readonly [PolicyKey, PolicyValue])[] = [];
  /** The interfaces of this node's pods, by the name of the endpoint. */
  readonly #attachments = new Map<string, Attachment>();
  /** The live endpoints of this node, by owner; each holds the policy set of its identity. */
  readonly #local = new Map<string, EndpointFact>();
  readonly #nodeAddresses = new Map<string, readonly string[]>();
  /** To the pods of other nodes, as the plan says: by which tunnel, or natively. */
  #ways: ReadonlyMap<string, string | undefined> = new Map();
  /** The routing tables of this node's interfaces, by the ranges of pods that they have. */
  #tables = new LpmMap<number>();
  /** Keys of the endpoints of each node. */
  readonly #endpointsOf = new Map<string, Set<string>>();
  readonly #endpointAddresses = new Map<string, readonly string[]>();
  /** The sets that are whole in the datapath, by identity. */
  readonly #written = new Map<number, PolicyAssignment>();
  /** Entries of sets that endpoints may still refer to. */
  #leaving: PolicyKey[] = [];
  #prefixRevision = 0;

  constructor(options: DerivationOptions) {
    this.#options = options;
    this.peers = new Peers(options.report);
    this.book = new RuleBook(this.peers);
    this.sets = new PolicySets({ book: this.book, peers: this.peers, mode: options.enforcement });
    this.services = new ServiceBook(this.serviceTables, options.report, options.report);
    this.ipcache = new Ipcache(options.worldIdentity);
  }

  /** Takes over what is in the datapath. Nothing is removed before the first {@link Derivation.write}. */
  adopt(maps: DatapathMaps): void {
    let highest = 0;
    for (const [key] of maps.policy.entries()) highest = Math.max(highest, key.policy);
    for (const [, value] of maps.endpoints.entries()) highest = Math.max(highest, value.policy);
    // A flow that was allowed under a set is not asked again under that number: it must never mean another.
    for (const [, { egressAllowed, ingressAllowed }] of maps.conntrack.entries()) {
      highest = Math.max(highest, Number(egressAllowed >> 32n), Number(ingressAllowed >> 32n));
    }
    this.sets.reserveUpTo(highest);
    for (const [{ address, prefixLength }, { identity }] of maps.ipcachePrefixes.entries()) {
      if (identityScope(identity) !== "node") continue;
      this.peers.restorePrefix(
        cidrAround(address, address.family === 4 ? prefixLength - 96 : prefixLength),
        identity,
      );
    }
    this.#endpoints.adopt(maps.endpoints);
    this.#adopted = [...setsIn(maps.policy).entries()].filter(([{ identity }]) => mayBeOutside(identity));
    this.#policy.adopt(setsIn(maps.policy));
    this.#marks.adopt(marksIn(maps.policy));
    this.ipcache.addresses.adopt(maps.ipcache);
    this.ipcache.prefixes.adopt(maps.ipcachePrefixes);
    this.serviceTables.adopt(maps);
  }

  /** Facts that changed, in their order. */
  apply(changes: readonly FactChange[]): void {
    const identities: [number, FactChange & { kind: "identities" }][] = [];
    for (const change of changes) {
      if (change.kind === "identities") identities.push([Number(change.key), change]);
    }
    // First, so that no endpoint names an identity that is not known.
    if (identities.length > 0) {
      this.sets.identitiesChanged(identities.map(([id, change]) => [id, change.after?.value]));
    }
    for (const change of changes) this.#applyOne(change);
  }

  /** The pod has an interface now, or (`undefined`) none any more. */
  setAttachment(name: string, attachment: Attachment | undefined): void {
    if (attachment === undefined) this.#attachments.delete(name);
    else this.#attachments.set(name, attachment);
  }

  /** Of the live endpoints of this node, as text. */
  localAddresses(): ReadonlySet<string> {
    return new Set([...this.#local.values()].flatMap(({ addresses }) => addresses));
  }

  /** How pods are reached: the addresses of nodes that are reached in another way now move along. */
  setPlan(plan: RoutePlan, local: readonly string[]): void {
    const identity = RESERVED_IDENTITIES.unmanaged;
    const cidrs = new Map<string, IpcacheEntry>();
    for (const { prefix, node } of plan.native) {
      if (node !== undefined) cidrs.set(prefix, { identity, tunnel: undefined, native: true });
    }
    for (const { prefix, endpoint } of plan.tunnels)
      cidrs.set(prefix, { identity, tunnel: parseAddress(endpoint), native: false });
    for (const prefix of local) cidrs.set(prefix, { identity, ...AS_ANY_OTHER });
    this.ipcache.setPodCIDRs(cidrs);
    this.ipcache.setNative(plan.native.flatMap(({ prefix, node }) => (node === undefined ? [prefix] : [])));
    this.#tables = new LpmMap();
    for (const one of plan.interfaces ?? []) {
      for (const range of one.ranges) this.#tables.set(parseCidr(range), routeTableOf(one));
    }
    const before = this.#ways;
    this.#ways = new Map(plan.nodes.map(({ node, tunnel }) => [node, tunnel]));
    for (const node of new Set([...before.keys(), ...this.#ways.keys()])) {
      const same = before.has(node) === this.#ways.has(node) && before.get(node) === this.#ways.get(node);
      if (!same) this.#applyNode(node, this.#options.facts.nodes.get(node));
    }
  }

  /**
   * Brings the maps to what is wanted: first everything new, then what refers to it, last what is old. Writes only
   * differences; what fails is tried again by the next call.
   *
   * @throws `ERR_CAPACITY` where a policy set does not fit. Its endpoints are locked down: they keep the set they had,
   *   established flows go on, new ones are refused. Everything else has been written.
   */
  write(maps: DatapathMaps): void {
    this.services.update();
    this.#updatePolicy();
    this.#updatePrefixes();
    let overflow = this.#writeNew(maps);
    this.#removeOld(maps);
    // What was old may have made room. Where a policy did not fit its endpoints are locked down: nobody asks the set
    // they had any more, so that it could go.
    if (overflow !== undefined) overflow = this.#writeNew(maps);
    if (overflow !== undefined) throw overflow;
    this.#settlePrefixes(maps);
  }

  /** What does not fit keeps nothing else from being written. @returns the first that did not */
  #writeNew(maps: DatapathMaps): NetloomError | undefined {
    const overflows = [
      fits(() => this.serviceTables.applySets(maps)),
      this.#writePolicy(maps),
      fits(() => this.ipcache.prefixes.applySets(maps.ipcachePrefixes)),
    ];
    const endpoints = fits(() => this.#writeEndpoints(maps));
    this.#endpoints.applyDeletes(maps.endpoints);
    // When no endpoint has a set any more that does not know them: not one that stays, nor one that goes.
    if (endpoints === undefined) overflows.push(fits(() => this.#marks.applySets(maps.policy)));
    overflows.push(
      endpoints,
      fits(() => this.ipcache.addresses.applySets(maps.ipcache)),
    );
    return overflows.find((overflow) => overflow !== undefined);
  }

  #removeOld(maps: DatapathMaps): void {
    this.ipcache.addresses.applyDeletes(maps.ipcache);
    this.ipcache.prefixes.applyDeletes(maps.ipcachePrefixes);
    this.serviceTables.applyDeletes(maps);
    this.#dropLeaving(maps);
  }

  /**
   * Reads the maps back and takes note of what is not as it was left: the next {@link Derivation.write} mends it.
   *
   * @param breathe - awaited every few thousand entries, so that others get their turn.
   */
  async audit(maps: DatapathMaps, breathe: () => Promise<void>): Promise<readonly Drift[]> {
    return [
      ...(await this.#endpoints.audit(maps.endpoints, breathe)),
      ...(await this.#policy.audit(setsIn(maps.policy), breathe)),
      ...(await this.#marks.audit(marksIn(maps.policy), breathe)),
      ...(await this.ipcache.addresses.audit(maps.ipcache, breathe)),
      ...(await this.ipcache.prefixes.audit(maps.ipcachePrefixes, breathe)),
      ...(await this.serviceTables.audit(maps, breathe)),
    ];
  }

  #writeEndpoints(maps: DatapathMaps): void {
    this.#updateEndpoints();
    this.#endpoints.applySets(maps.endpoints);
  }

  #dropLeaving(maps: DatapathMaps): void {
    for (const key of this.#leaving.splice(0)) this.#policy.delete(key);
    this.#policy.applyDeletes(maps.policy);
    this.#marks.applyDeletes(maps.policy);
  }

  /** The rows of prefixes are as they should be: no set needs to know what was there before. */
  #settlePrefixes(maps: DatapathMaps): void {
    const { prefixRevision } = this.peers;
    this.peers.settlePrefixes();
    this.#adopted = [];
    if (this.peers.prefixRevision === prefixRevision) return;
    this.#updatePolicy();
    this.#writePolicy(maps);
    this.#dropLeaving(maps);
  }

  #applyOne(change: FactChange): void {
    switch (change.kind) {
      case "nodes":
        return this.#applyNode(change.key, change.after);
      case "endpoints":
        return this.#applyEndpoint(change.key, change.after);
      case "policies":
        this.book.set(change.key, change.after?.value);
        return this.sets.policiesChanged();
      case "services":
        return this.services.set(change.key, change.after?.value, change.after?.created ?? 0);
      case "identities":
    }
  }

  #applyNode(name: string, known: Known<NodeFact> | undefined): void {
    const owner = `node ${name}`;
    const before = this.#nodeAddresses.get(name) ?? [];
    const own = name === this.#options.node;
    const identity = own ? RESERVED_IDENTITIES.host : RESERVED_IDENTITIES["remote-node"];
    const now: string[] = [];
    if (known !== undefined) {
      const claim = (address: string, way: Way): void => {
        this.ipcache.claim(address, owner, { identity, ...way }, known.revision);
        now.push(address);
      };
      for (const address of known.value.addresses) claim(address, AS_ANY_OTHER);
      const way = this.#wayTo(name) ?? AS_ANY_OTHER;
      for (const address of known.value.routers) claim(address, way);
    }
    for (const address of before) if (!now.includes(address)) this.ipcache.withdraw(address, owner);
    this.#nodeAddresses.set(name, now);
    // Where its pods are reached may have changed.
    for (const key of this.#endpointsOf.get(name) ?? []) {
      this.#claimAddresses(key, this.#options.facts.endpoints.get(key));
    }
  }

  #applyEndpoint(key: string, known: Known<EndpointFact> | undefined): void {
    const node = key.slice(0, key.indexOf("/"));
    this.#claimAddresses(key, known);
    const live = known?.value.state === "live" ? known.value : undefined;
    const service =
      live === undefined
        ? undefined
        : {
            labels: this.#options.labels.fromStrings(live.labels),
            addresses: live.addresses.map((address) => parseAddress(address)),
            local: node === this.#options.node,
          };
    this.services.setEndpoint(key, service);
    this.#noteEndpoint(node, key, known !== undefined);
    if (node === this.#options.node) this.#follow(key.slice(node.length + 1), live);
  }

  #noteEndpoint(node: string, key: string, there: boolean): void {
    const keys = this.#endpointsOf.get(node) ?? new Set();
    if (there) this.#endpointsOf.set(node, keys.add(key));
    else if (keys.delete(key) && keys.size === 0) this.#endpointsOf.delete(node);
  }

  #claimAddresses(key: string, known: Known<EndpointFact> | undefined): void {
    const before = this.#endpointAddresses.get(key) ?? [];
    let now: readonly string[] = [];
    if (known?.value.state === "live") {
      const { node, identity, addresses } = known.value;
      const way = this.#wayTo(node);
      if (way !== undefined) {
        now = addresses;
        for (const address of now) this.ipcache.claim(address, key, { identity, ...way }, known.revision);
      }
    }
    for (const address of before) if (!now.includes(address)) this.ipcache.withdraw(address, key);
    if (now.length > 0) this.#endpointAddresses.set(key, now);
    else this.#endpointAddresses.delete(key);
  }

  /** A pod of this node takes the policy set of its new identity before it lets go of the old one's. */
  #follow(owner: string, fact: EndpointFact | undefined): void {
    const before = this.#local.get(owner);
    if (fact !== undefined && fact.identity !== before?.identity) {
      const labels = this.#options.facts.identities.get(String(fact.identity))?.value;
      if (labels === undefined) {
        const message = `endpoint ${fact.name} has identity ${fact.identity}, which the store does not know`;
        this.#options.report(new NetloomError("ERR_ENDPOINT_INVALID", message, { input: fact }));
        return;
      }
      this.sets.acquire(fact.identity, labels);
    }
    if (fact === undefined) this.#local.delete(owner);
    else this.#local.set(owner, fact);
    if (before === undefined || before.identity === fact?.identity) return;
    for (const key of this.sets.release(before.identity)) this.#leaving.push(key);
    if (this.sets.of(before.identity) === undefined) this.#written.delete(before.identity);
  }

  #updatePolicy(): void {
    const { added, removed, forgotten } = this.sets.update();
    for (const key of forgotten) this.#marks.delete(key);
    for (const [key, value] of added) (key.policy === 0 ? this.#marks : this.#policy).set(key, value);
    for (const key of removed) this.#leaving.push(key);
    for (const [key, value] of this.sets.inherited(this.#adopted)) {
      this.#policy.set(key, value);
      this.#leaving.push(key);
    }
  }

  #writePolicy(maps: DatapathMaps): NetloomError | undefined {
    try {
      this.#policy.applySets(maps.policy);
    } catch (error) {
      if (!isNetloomError(error, "ERR_CAPACITY")) throw error;
      const { maxEntries } = maps.policy;
      return new NetloomError(
        "ERR_CAPACITY",
        `the policies need ${this.#policy.size} entries of ${maxEntries}`,
        {
          remedy:
            "name fewer peers or ports, or give the policy map more entries; endpoints concerned are locked down",
          cause: error,
          retryable: true,
        },
      );
    }
    for (const { identity } of this.#local.values()) {
      const set = this.sets.of(identity);
      if (set !== undefined) this.#written.set(identity, set);
    }
    return undefined;
  }

  #updatePrefixes(): void {
    if (this.#prefixRevision === this.peers.prefixRevision) return;
    this.#prefixRevision = this.peers.prefixRevision;
    this.ipcache.setNamed(this.peers.prefixes);
  }

  #updateEndpoints(): void {
    const wanted: (readonly [EndpointKey, EndpointValue])[] = [];
    for (const fact of this.#local.values()) {
      const attachment = this.#attachments.get(fact.name);
      if (attachment === undefined) continue;
      const value = this.#endpointValue(fact, attachment);
      for (const text of fact.addresses) {
        const address = parseAddress(text);
        wanted.push([{ address }, { ...value, table: this.#tables.lookup(address) ?? 0 }]);
      }
    }
    this.#endpoints.replace(wanted);
  }

  #endpointValue(fact: EndpointFact, attachment: Attachment): Omit<EndpointValue, "table"> {
    const { identity } = fact;
    const written = this.#written.get(identity);
    const locked = written?.policy !== this.sets.of(identity)?.policy;
    return {
      ifindex: attachment.ifindex,
      identity,
      policy: written?.policy ?? 0,
      egressShape: written?.egressShape ?? 0,
      ingressShape: written?.ingressShape ?? 0,
      id: fact.id,
      flags: locked ? EndpointFlag.ENDPOINT_LOCKDOWN : 0,
      mac: attachment.mac,
      gatewayMac: attachment.gatewayMac,
    };
  }

  /** To the pods of a node. `undefined`: the plan has none, and an address is better unknown than sent astray. */
  #wayTo(node: string): Way | undefined {
    if (node === this.#options.node) return AS_ANY_OTHER;
    if (!this.#ways.has(node)) return undefined;
    const tunnel = this.#ways.get(node);
    return { tunnel: tunnel === undefined ? undefined : parseAddress(tunnel), native: tunnel === undefined };
  }
}

/** @returns the `ERR_CAPACITY` that a write ended with */
function fits(write: () => unknown): NetloomError | undefined {
  try {
    write();
  } catch (error) {
    if (isNetloomError(error, "ERR_CAPACITY")) return error;
    throw error;
  }
  return undefined;
}

/** The part of the policy table that says which identities are known. */
function marksIn(policy: DatapathMaps["policy"]): DatapathMaps["policy"] {
  return partOf(policy, (key) => key.policy === 0);
}

/** The part of the policy table that the sets are in. */
function setsIn(policy: DatapathMaps["policy"]): DatapathMaps["policy"] {
  return partOf(policy, (key) => key.policy !== 0);
}

/** May an address outside the cluster have this number? */
function mayBeOutside(identity: number): boolean {
  return identityScope(identity) === "node" || identityScope(identity) === "reserved";
}
