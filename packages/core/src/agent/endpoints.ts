import { parseAddress, parseCidr, type Family } from "../address/index.ts";
import type { EndpointFact } from "../endpoint/binding.ts";
import { transition, type EndpointEvent, type EndpointState } from "../endpoint/state.ts";
import { isNetloomError, messageOf, NetloomError } from "../errors.ts";
import type { TypedEmitter } from "../events.ts";
import type { FactTables } from "../facts/fact-tables.ts";
import type { Keys } from "../facts/keys.ts";
import { assertName } from "../facts/names.ts";
import { quietly } from "../identity/store-allocator.ts";
import type { LabelFilter, LabelSet, LabelTable } from "../labels/index.ts";
import type { Attachment, Datapath, EndpointHook } from "../ports/datapath.ts";
import type { Identity, IdentityAllocator } from "../ports/identity.ts";
import type { Ipam, Lease, RestoredLease } from "../ports/ipam.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { AbortOptions, Json, Revision, Store } from "../ports/store.ts";
import { persist, whileWanted } from "../time/persist.ts";
import { sleep } from "../time/sleep.ts";

export interface CreateEndpointOptions extends AbortOptions {
  /** `namespace/name` or `name`, unique on the node. */
  readonly name: string;
  /** `source:key=value` each, e.g. `k8s:app=web`. */
  readonly labels: readonly string[];
  /** The pod's network namespace: a name under `/run/netns`, or a path. Ignored where there is no kernel. */
  readonly netns?: string;
  /** What the interface is called inside. @defaultValue "eth0" */
  readonly interface?: string;
  /** @defaultValue the IPAM's default pool */
  readonly pool?: string;
  /** Exactly these. @defaultValue whichever are free */
  readonly addresses?: readonly string[];
}

/** An endpoint of this node, as of one moment. */
export interface Endpoint {
  readonly name: string;
  readonly id: number;
  readonly identity: number;
  readonly labels: readonly string[];
  readonly addresses: readonly string[];
  readonly state: EndpointState;
  /** The node side of its interface; `undefined` where it has none. */
  readonly attachment: Attachment | undefined;
  /** The facts say so since then: `agent.settled(revision)` tells when it is enforced. */
  readonly revision: Revision;
}

export interface EndpointEvents {
  "endpoint:added": [endpoint: Endpoint];
  "endpoint:changed": [endpoint: Endpoint];
  "endpoint:removed": [name: string];
}

/** What the manager needs of the agent it belongs to. */
export interface EndpointContext {
  readonly node: string;
  readonly families: readonly Family[];
  readonly store: Store;
  readonly keys: Keys;
  readonly ipam: Ipam;
  readonly identities: IdentityAllocator;
  readonly datapath: Datapath;
  readonly facts: FactTables;
  readonly labels: LabelTable;
  readonly filter: LabelFilter;
  readonly runtime: Runtime;
  readonly identityGrace: number;
  readonly podMtu: () => number;
  /** An interface has come or (`undefined`) gone: derive again. */
  readonly attached: (name: string, attachment: Attachment | undefined) => void;
  readonly settledHere: (revision: Revision, options?: AbortOptions) => Promise<void>;
  readonly settledEverywhere: (revision: Revision, options?: AbortOptions) => Promise<void>;
  readonly events: TypedEmitter<EndpointEvents>;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
}

interface Live {
  fact: EndpointFact;
  identity: Identity;
  attachment: Attachment | undefined;
  state: EndpointState;
  /** Of the fact in the store. */
  revision: Revision;
}

/**
 * The pods of one node, from the call that makes them to the acknowledgement that ends them. Every step can be undone
 * or, after a crash, be taken up again from the facts: an address is leased before it is used, published before it is
 * enforced, retired before it is free.
 */
export class Endpoints {
  readonly #context: EndpointContext;
  readonly #live = new Map<string, Live>();
  /** One operation at a time for a name. */
  readonly #busy = new Map<string, Promise<unknown>>();
  #lastId = 0;

  constructor(context: EndpointContext) {
    this.#context = context;
  }

  get(name: string): Endpoint | undefined {
    const live = this.#live.get(name);
    return live === undefined ? undefined : view(live);
  }

  list(): readonly Endpoint[] {
    return [...this.#live.values()].map(view);
  }

  /** The interfaces there should be now: of all that are neither on their way in nor on their way out. */
  hooks(): readonly EndpointHook[] {
    const ready = [...this.#live.values()].filter(({ state }) => state === "ready");
    return ready.map(({ fact }) => this.#hookOf(fact));
  }

  /**
   * Gives a pod an interface, addresses and an identity. Resolves when this node enforces its policy; the other nodes
   * know it at `agent.cluster.settled(endpoint.revision)`. Where it fails, nothing is left.
   *
   * @throws `ERR_ENDPOINT_EXISTS`, `ERR_LABEL_INVALID`, `ERR_IPAM_*`, `ERR_IDENTITY_EXHAUSTED`, and what the datapath
   *   throws.
   */
  async create(options: CreateEndpointOptions): Promise<Endpoint> {
    const name = assertName(options.name, "endpoint");
    const labels = this.#context.labels.fromStrings(options.labels);
    return this.#alone(name, () => this.#create(name, labels, options));
  }

  /**
   * Changes a pod's labels, and with them who it is. The new identity counts once every node knows it, or after the
   * agent's `identityGrace`; until then the old one does, and never neither. Who gives up waiting does not stop it.
   */
  async setLabels(name: string, labels: readonly string[], options: AbortOptions = {}): Promise<Endpoint> {
    const set = this.#context.labels.fromStrings(labels);
    const changed = this.#alone(name, () => this.#relabel(this.#known(name), set));
    return whileWanted(changed, options.signal);
  }

  /**
   * Takes a pod away. Resolves when this node has forgotten it; its addresses are free again once every node has. An
   * unknown name is no error. Once begun it is brought to its end, whatever fails on the way and whoever gives up waiting.
   */
  delete(name: string, options: AbortOptions = {}): Promise<void> {
    const deleted = this.#alone(name, async () => {
      const live = this.#live.get(name);
      if (live !== undefined) await this.#remove(live);
    });
    return whileWanted(deleted, options.signal);
  }

  /** After a restart: takes up what the facts and the datapath say. Called once, before anything else. */
  async restore(): Promise<void> {
    const { facts, node, datapath, ipam } = this.#context;
    const attachments = new Map((await datapath.attachments()).map((one) => [one.name, one]));
    const own = [...facts.endpoints.values()].filter(({ value }) => value.node === node);
    const dead = new Set(own.filter(({ value }) => !attachments.has(value.name) && this.#isForeign(value)));
    await ipam.restore(own.flatMap((one) => (dead.has(one) ? [] : this.#toRestore(one.value))));
    for (const one of own) {
      const { value: fact, revision } = one;
      this.#lastId = Math.max(this.#lastId, fact.id);
      if (fact.state === "retired") this.#forgetLater(fact, revision);
      else if (dead.has(one)) await this.#bury(fact, revision);
      else await this.#restoreOne(fact, revision, attachments.get(fact.name));
    }
    for (const name of attachments.keys()) if (!this.#live.has(name)) await datapath.detach(name);
  }

  /** It was of a machine that bore the node's name before: its addresses are not this one's, and it has no interface here. */
  async #bury(fact: EndpointFact, revision: Revision): Promise<void> {
    const retired = { ...fact, state: "retired" } as const;
    const message = `endpoint ${fact.name} had ${fact.addresses.join(", ")}, which this machine does not have: it is forgotten`;
    this.#context.report(
      new NetloomError("ERR_IPAM_FOREIGN", message, {
        input: fact.name,
        remedy: "make it again where it is to live on",
      }),
    );
    this.#forgetLater(retired, await this.#write(retired, revision));
  }

  #isForeign({ addresses }: EndpointFact): boolean {
    return this.#ours(addresses).length === 0;
  }

  /** Those of a node that bore this name before may be in ranges that this one does not have: nobody gets them from it. */
  #toRestore(fact: EndpointFact): RestoredLease[] {
    const retired = fact.state === "retired";
    if (!retired) return [{ ...leaseOf(fact), retired }];
    const addresses = this.#ours(fact.addresses);
    return addresses.length === 0 ? [] : [{ ...leaseOf(fact), addresses, retired }];
  }

  #ours(addresses: readonly string[]): readonly string[] {
    const ranges = this.#context.ipam.ranges().map(parseCidr);
    return addresses.filter((address) => ranges.some((range) => range.contains(parseAddress(address))));
  }

  async #restoreOne(fact: EndpointFact, revision: Revision, found: Attachment | undefined): Promise<void> {
    const labels = this.#context.filter.select(this.#context.labels.fromStrings(fact.labels));
    const identity = await this.#context.identities.allocate(this.#intern(labels));
    const live: Live = { fact, identity, attachment: found, state: "restoring", revision };
    this.#live.set(fact.name, live);
    this.#step(live, "identity:resolved");
    if (identity.id !== fact.identity) await this.#publish(live, { ...fact, identity: identity.id });
    if (found !== undefined) {
      this.#context.attached(fact.name, found);
      this.#built(live);
    } else this.#attachLater(live);
  }

  /** It was found without an interface: it is given one, unless it is taken away before. */
  #attachLater(live: Live): void {
    const { name } = live.fact;
    this.#later(() =>
      this.#alone(name, async () => {
        if (this.#live.get(name) !== live) return;
        try {
          live.attachment = await this.#attach(live.fact);
        } catch (error) {
          const message = `endpoint ${name} was found without an interface, and has none yet: ${messageOf(error)}`;
          throw new NetloomError("ERR_ENDPOINT_STATE", message, { input: live.fact, cause: error });
        }
        this.#context.attached(name, live.attachment);
        this.#built(live);
      }),
    );
  }

  async #create(name: string, all: LabelSet, options: CreateEndpointOptions): Promise<Endpoint> {
    const { ipam, identities, families, node } = this.#context;
    options.signal?.throwIfAborted();
    if (this.#live.has(name)) {
      throw new NetloomError("ERR_ENDPOINT_EXISTS", `endpoint ${name} is there already`, {
        input: name,
        remedy: "delete it first, or change its labels by setLabels",
      });
    }
    if (options.addresses !== undefined && !ipam.capabilities.requestedAddress) {
      throw new NetloomError("ERR_UNSUPPORTED", `IPAM ${ipam.name} gives no address on request`, {
        input: options.addresses,
        remedy: "leave `addresses` out, or use another IPAM",
      });
    }
    // A name comes back, the owner of a lease never does.
    const owner = `${name}#${Math.floor(this.#context.runtime.random.next() * 2 ** 40).toString(36)}`;
    const undo: (() => Promise<unknown>)[] = [];
    try {
      const lease = await ipam.allocate(owner, { families, ...pick(options, "pool", "addresses", "signal") });
      undo.push(() => ipam.release(lease));
      const identity = await identities.allocate(this.#intern(this.#context.filter.select(all)), options);
      undo.push(async () => this.#release(identity));
      const fact: EndpointFact = {
        name,
        node,
        owner,
        id: this.#nextId(),
        labels: all.toStrings(),
        identity: identity.id,
        addresses: lease.addresses,
        pool: lease.pool,
        state: "live",
        netns: options.netns ?? "",
        interface: options.interface ?? "eth0",
      };
      const live: Live = {
        fact,
        identity,
        attachment: undefined,
        state: "waiting-for-identity",
        revision: 0,
      };
      this.#step(live, "identity:resolved");
      // Also where it fails half-way.
      undo.push(() => this.#detach(name));
      live.attachment = await this.#attach(fact);
      this.#context.attached(name, live.attachment);
      options.signal?.throwIfAborted();
      live.revision = await this.#write(fact, 0);
      this.#live.set(name, live);
      // From here on others may know it: it ends as every endpoint does.
      undo.splice(0, undo.length, () => this.#remove(live));
      await this.#context.settledHere(live.revision, options);
      this.#built(live);
      this.#context.events.emit("endpoint:added", view(live));
      return view(live);
    } catch (error) {
      for (const step of undo.reverse()) await this.#persist(step);
      throw error;
    }
  }

  async #relabel(live: Live, all: LabelSet): Promise<Endpoint> {
    const { identities, filter } = this.#context;
    const before = live.identity;
    const identity = await identities.allocate(this.#intern(filter.select(all)));
    try {
      if (identity.id !== before.id) await this.#knownEverywhere(identity);
      await this.#publish(live, { ...live.fact, labels: all.toStrings(), identity: identity.id });
    } catch (error) {
      this.#release(identity);
      throw error;
    }
    this.#step(live, "identity:resolved");
    live.identity = identity;
    const { revision } = live;
    await this.#context.settledHere(revision);
    this.#built(live);
    this.#context.events.emit("endpoint:changed", view(live));
    // Others may know it by the old number for a while: that stays somebody's until they do not.
    this.#releaseLater(before, revision);
    return view(live);
  }

  async #remove(live: Live): Promise<void> {
    const { ipam } = this.#context;
    const { fact } = live;
    this.#step(live, "removal:requested");
    await ipam.retire(leaseOf(fact));
    await this.#persist(() => this.#retire(live));
    this.#live.delete(fact.name);
    this.#context.attached(fact.name, undefined);
    await this.#context.settledHere(live.revision);
    await this.#persist(() => this.#detach(fact.name));
    this.#step(live, "removal:finished");
    this.#context.events.emit("endpoint:removed", fact.name);
    this.#releaseLater(live.identity, live.revision);
    this.#forgetLater(live.fact, live.revision);
  }

  async #retire(live: Live): Promise<void> {
    try {
      await this.#publish(live, { ...live.fact, state: "retired" });
    } catch (error) {
      // The whole node was declared gone meanwhile.
      if (!isNetloomError(error, "ERR_STORE_NOT_FOUND")) throw error;
    }
  }

  #releaseLater(identity: Identity, revision: Revision): void {
    this.#later(async (signal) => {
      await this.#context.settledEverywhere(revision, { signal });
      this.#release(identity);
    });
  }

  #release(identity: Identity): void {
    const { identities, signal, report } = this.#context;
    identities.release(identity, { signal }).catch((error: unknown) => {
      if (!signal.aborted) report(error);
    });
  }

  /** When every datapath has forgotten the addresses they are free, and not before. */
  #forgetLater(fact: EndpointFact, revision: Revision): void {
    const { ipam, store } = this.#context;
    this.#later(async (signal) => {
      await this.#context.settledEverywhere(revision, { signal });
      // The fact first: as long as it is there a restarted agent takes the address for its.
      await quietly(store.delete(this.#keyOf(fact), { signal, revision }));
      await ipam.release(leaseOf(fact));
    });
  }

  /** Gives the other nodes time to learn of an identity before anybody bears it. */
  async #knownEverywhere(identity: Identity): Promise<void> {
    const grace = new AbortController();
    const { signal } = grace;
    const patience = sleep(this.#context.runtime.clock, this.#context.identityGrace, signal).then(
      () => "late" as const,
    );
    const known = this.#context.settledEverywhere(identity.revision, { signal }).then(() => "known" as const);
    try {
      const outcome = await Promise.race([patience, known]);
      if (outcome === "known") return;
      const message = `not every node knows identity ${identity.id} after ${this.#context.identityGrace} ms; it counts all the same`;
      this.#context.report(new NetloomError("ERR_TIMEOUT", message, { input: identity.id }));
    } finally {
      grace.abort(new NetloomError("ERR_CLOSED", "no longer waited for"));
      patience.catch(() => undefined);
      known.catch(() => undefined);
    }
  }

  #attach(fact: EndpointFact): Promise<Attachment> {
    return this.#context.datapath.attach(this.#hookOf(fact));
  }

  #hookOf(fact: EndpointFact): EndpointHook {
    return {
      name: fact.name,
      addresses: fact.addresses,
      netns: fact.netns,
      interface: fact.interface,
      gateways: this.#context.ipam.routers(),
      mtu: this.#context.podMtu(),
    };
  }

  async #detach(name: string): Promise<void> {
    this.#context.attached(name, undefined);
    await this.#context.datapath.detach(name);
  }

  async #publish(live: Live, fact: EndpointFact): Promise<void> {
    live.revision = await this.#write(fact, live.revision);
    live.fact = fact;
  }

  /**
   * Writes a fact over the one of revision `before`, 0: over none. Nobody else writes it, so where the answer is lost the
   * fact itself tells whether it was written. No caller's signal ends this: what is not known cannot be undone.
   */
  async #write(fact: EndpointFact, before: Revision): Promise<Revision> {
    const { store, signal } = this.#context;
    const key = this.#keyOf(fact);
    for (;;) {
      try {
        if (before === 0) return await store.create(key, toJson(fact));
        return await store.update(key, toJson(fact), { revision: before });
      } catch (error) {
        if (!isNetloomError(error, "ERR_AMBIGUOUS")) throw error;
        const there = await this.#persist(() => store.get(key, { signal }));
        if (there !== undefined && there.revision !== before) return there.revision;
      }
    }
  }

  /** By owner and not by name: a pod may come back under its name while the one before it is not forgotten yet. */
  #keyOf(fact: EndpointFact): string {
    return this.#context.keys.endpoint(fact.node, fact.owner);
  }

  #known(name: string): Live {
    const live = this.#live.get(name);
    if (live !== undefined) return live;
    throw new NetloomError(
      "ERR_ENDPOINT_NOT_FOUND",
      `there is no endpoint ${name} on ${this.#context.node}`,
      {
        input: name,
      },
    );
  }

  #intern(labels: Iterable<LabelSet["labels"][number]>): LabelSet {
    return this.#context.labels.intern(labels);
  }

  #nextId(): number {
    const used = new Set([...this.#live.values()].map(({ fact }) => fact.id));
    for (let tried = 0; tried < 65_535; tried++) {
      this.#lastId = (this.#lastId % 65_535) + 1;
      if (!used.has(this.#lastId)) return this.#lastId;
    }
    throw new NetloomError("ERR_CAPACITY", "a node has 65535 endpoints at most", {});
  }

  #built(live: Live): void {
    this.#step(live, "build:started");
    this.#step(live, "build:succeeded");
  }

  #step(live: Live, event: EndpointEvent): void {
    const next = transition(live.state, event);
    if (next.accepted) live.state = next.state;
    else
      this.#context.report(
        new NetloomError("ERR_ENDPOINT_STATE", `endpoint ${live.fact.name}: ${next.reason}`),
      );
  }

  /** Work that nobody waits for, done again until it is done. After a restart the facts bring it up again. */
  #later(task: (signal: AbortSignal) => Promise<unknown>): void {
    const { signal, report } = this.#context;
    this.#persist(() => task(signal)).catch((error: unknown) => {
      if (!signal.aborted) report(error);
    });
  }

  #persist<T>(task: () => Promise<T>): Promise<T> {
    return persist(task, this.#context);
  }

  #alone<T>(name: string, task: () => Promise<T>): Promise<T> {
    const mine = (this.#busy.get(name) ?? Promise.resolve()).then(task, task);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#busy.set(name, settled);
    void settled.then(() => {
      if (this.#busy.get(name) === settled) this.#busy.delete(name);
    });
    return mine;
  }
}

function view({ fact, state, attachment, revision }: Live): Endpoint {
  const { name, id, identity, labels, addresses } = fact;
  return { name, id, identity, labels, addresses, state, attachment, revision };
}

function leaseOf({ owner, pool, addresses }: EndpointFact): Lease {
  return { owner, pool, addresses };
}

function toJson(fact: EndpointFact): Json {
  return { ...fact };
}

/** The properties that are there: an option that is missing stays missing. */
function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(
    keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]),
  ) as Partial<Pick<T, K>>;
}
