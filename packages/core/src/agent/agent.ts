import { ClusterBarrier } from "../facts/barrier.ts";
import { createClusterClient, type Cluster } from "../cluster/client.ts";
import { messageOf, NetloomError } from "../errors.ts";
import { TypedEmitter, type Emits } from "../events.ts";
import { FactTables, type FactChange } from "../facts/fact-tables.ts";
import { follow } from "../facts/follow.ts";
import { Keys } from "../facts/keys.ts";
import { isRace } from "../facts/race.ts";
import { RESERVED_IDENTITIES } from "../identity/numeric.ts";
import { StoreIdentities } from "../identity/store-allocator.ts";
import { LabelTable } from "../labels/index.ts";
import { Lifecycle, type Status } from "../lifecycle.ts";
import { nodeToJson, parseNode, type NodeFact } from "../node/node.ts";
import type { Attachment, DatapathContext, DatapathMaps, Drift } from "../ports/datapath.ts";
import type { RoutePlan, Underlay } from "../ports/routing.ts";
import type { AbortOptions, Revision } from "../ports/store.ts";
import { persist } from "../time/persist.ts";
import { Acknowledger } from "./acknowledger.ts";
import { Auditor } from "./auditor.ts";
import { Derivation } from "./derivation.ts";
import { Endpoints } from "./endpoints.ts";
import { FlowReader, type Flow } from "./flows.ts";
import { parseAgentOptions, type AgentConfig, type AgentOptions } from "./options.ts";
import type { Inspection } from "./inspection.ts";
import type { ProposedChange } from "./proposal.ts";
import { Provenances } from "./provenance.ts";
import { Reconciler } from "./reconciler.ts";
import { RoutingView } from "./routing-context.ts";
import type { Agent, AgentEvents, AgentStatus } from "./types.ts";
import { whatIf } from "./what-if.ts";
import { askVerdict, type Verdict, type VerdictQuestion } from "./verdict.ts";

/**
 * Assembles an agent. Nothing happens before {@link Agent.start}.
 *
 * @throws `ERR_OPTIONS_INVALID`, `ERR_NODE_INVALID`, `ERR_UNSUPPORTED`.
 */
export function createAgent(options: AgentOptions): Agent {
  return new NetloomAgent(options, parseAgentOptions(options));
}

class NetloomAgent implements Agent {
  readonly name: string;
  readonly endpoints: Endpoints;
  readonly cluster: Cluster;
  readonly #options: AgentOptions;
  readonly #config: AgentConfig;
  readonly #keys: Keys;
  readonly #events: TypedEmitter<AgentEvents>;
  readonly #lifecycle: Lifecycle;
  readonly #labels = new LabelTable();
  readonly #facts: FactTables;
  readonly #identities: StoreIdentities;
  readonly #derivation: Derivation;
  readonly #reconciler: Reconciler;
  readonly #acknowledger: Acknowledger;
  readonly #barrier: ClusterBarrier;
  readonly #auditor: Auditor;
  readonly #flows: FlowReader;
  readonly #routingView: RoutingView;
  readonly #worldIdentity: number;
  #node: NodeFact;
  #underlay: Underlay | undefined;
  #plan: RoutePlan | undefined;
  #planDue = true;
  #following: Promise<void> | undefined;
  /** The datapath may be written: everything that was there before has been read. */
  #ready = false;
  /** Facts that have come before the datapath was there. */
  #waiting: FactChange[] | undefined = [];
  #onHeard: (() => void) | undefined;
  #problems = "";
  #errors = 0;
  #driftsRepaired = 0;

  constructor(options: AgentOptions, config: AgentConfig) {
    const { node, runtime } = config;
    const { store } = options;
    this.#options = options;
    this.#config = config;
    this.#node = node;
    this.name = node.name;
    this.#keys = new Keys(config.cluster);
    this.#events = new TypedEmitter<AgentEvents>((error, event) => {
      // A listener of `error` that throws has nobody left to tell.
      if (event !== "error") this.#report(error);
    });
    const report = (error: unknown): void => this.#report(error);
    this.#lifecycle = new Lifecycle(`agent ${node.name}`, this.#parts());
    const { signal } = this.#lifecycle;
    this.#facts = new FactTables({ keys: this.#keys, labels: this.#labels, report });
    this.#worldIdentity = RESERVED_IDENTITIES[config.families.length > 1 ? "world-ipv4" : "world"];
    this.#derivation = new Derivation({
      node: node.name,
      enforcement: config.enforcement,
      worldIdentity: this.#worldIdentity,
      facts: this.#facts,
      labels: this.#labels,
      report,
    });
    this.#reconciler = new Reconciler({
      runtime,
      signal,
      onError: report,
      pass: () => this.#pass(),
      onApplied: (revision) => {
        this.#acknowledger.acknowledge(revision);
        this.#events.emit("revision:applied", revision);
      },
    });
    const key = this.#keys.acknowledgement(node.name);
    this.#acknowledger = new Acknowledger({ store, key, runtime, signal, onError: report });
    this.#barrier = new ClusterBarrier({ store, keys: this.#keys, runtime, onError: report });
    this.cluster = createClusterClient({ store, cluster: config.cluster, runtime, onError: report });
    this.#identities = new StoreIdentities({
      store,
      keys: this.#keys,
      labels: this.#labels,
      random: runtime.random,
      node: node.name,
      // Before that not everything is held again that is in use; then it is tidied up in any case.
      later: (task) => void (this.#ready && this.#later(task)),
    });
    this.#auditor = new Auditor({
      datapath: options.datapath,
      maps: () => options.datapath.maps,
      derivation: this.#derivation,
      plan: () => this.#plan!,
      hooks: () => this.endpoints.hooks(),
      runtime,
      signal,
      interval: config.auditInterval,
      attached: (attachment) => this.#attached(attachment.name, attachment),
      mend: () => this.#reconciler.again(),
      onDrift: (drifts) => {
        this.#driftsRepaired += drifts.length;
        this.#events.emit("drift:repaired", drifts);
      },
      onError: report,
    });
    this.#flows = new FlowReader({
      node: node.name,
      datapath: options.datapath,
      facts: this.#facts,
      derivation: this.#derivation,
      runtime,
    });
    this.#routingView = new RoutingView({
      node: () => this.#node,
      labels: config.nodeLabels,
      ranges: () => options.ipam.status().ranges,
      facts: this.#facts,
      derivation: this.#derivation,
      store,
      prefix: this.#keys.backend(options.routing.name),
      runtime,
      report,
    });
    this.endpoints = new Endpoints({
      node: node.name,
      families: config.families,
      store,
      keys: this.#keys,
      ipam: options.ipam,
      runtime,
      signal,
      identities: this.#identities,
      datapath: options.datapath,
      facts: this.#facts,
      labels: this.#labels,
      report,
      filter: config.filter,
      identityGrace: config.identityGrace,
      events: this.#events,
      podMtu: () => this.#plan?.podMtu ?? 1500,
      attached: (name, attachment) => this.#attached(name, attachment),
      settledHere: (revision, wait) => this.#reconciler.settled(revision, wait),
      settledEverywhere: (revision, wait) => this.#barrier.settled(revision, wait),
    });
  }

  get status(): Status {
    return this.#lifecycle.status;
  }

  get events(): Emits<AgentEvents> {
    return this.#events;
  }

  start(): Promise<void> {
    return this.#lifecycle.start();
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lifecycle.stop();
  }

  settled(revision: Revision, options?: AbortOptions): Promise<void> {
    return this.#reconciler.settled(revision, options);
  }

  flows(options: AbortOptions = {}): AsyncIterable<readonly Flow[]> {
    this.#lifecycle.assertRunning();
    const { signal } = this.#lifecycle;
    return this.#flows.read(
      options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]),
    );
  }

  verdict(question: VerdictQuestion): Verdict {
    this.#lifecycle.assertRunning();
    return askVerdict(question, {
      maps: this.#options.datapath.maps,
      derivation: this.#derivation,
      worldIdentity: this.#worldIdentity,
      allowLocalHost: this.#config.allowLocalHost,
    });
  }

  audit(): Promise<readonly Drift[]> {
    this.#lifecycle.assertRunning();
    return this.#auditor.audit();
  }

  inspect(): Inspection {
    this.#lifecycle.assertRunning();
    return {
      node: this.name,
      context: this.#context(),
      maps: this.#options.datapath.maps,
      provenance: new Provenances(this.#facts, this.#derivation),
      now: () => this.#options.datapath.now(),
      describe: (event) => this.#flows.describe(event),
    };
  }

  async propose(changes: readonly ProposedChange[], maps: DatapathMaps): Promise<Inspection> {
    this.#lifecycle.assertRunning();
    const { datapath, store } = this.#options;
    return whatIf(changes, maps, {
      config: this.#config,
      store,
      datapath,
      keys: this.#keys,
      labels: this.#labels,
      plan: this.#plan!,
      podCIDRs: this.#node.podCIDRs,
      context: this.#context(),
      attachments: this.endpoints.list().flatMap(({ attachment }) => attachment ?? []),
      report: (error) => this.#report(error),
    });
  }

  describe(): AgentStatus {
    const { ipam, datapath } = this.#options;
    return {
      node: this.#node,
      lifecycle: this.status,
      revision: { seen: this.#facts.revision, applied: this.#reconciler.applied },
      nodes: this.#facts.nodes.size,
      endpoints: this.endpoints.list().length,
      identities: this.#facts.identities.size,
      policies: this.#facts.policies.size,
      services: this.#facts.services.size,
      podMtu: this.#plan?.podMtu ?? 0,
      ipam: ipam.status(),
      metrics: this.#ready && this.status === "running" ? datapath.metrics() : [],
      errors: this.#errors,
      driftsRepaired: this.#driftsRepaired,
    };
  }

  async uninstall(): Promise<void> {
    // First, so that nobody sends to a node that would drop it. A fabric that cannot be told keeps nothing in place.
    await this.#options.routing.uninstall?.().catch((error: unknown) => this.#report(error));
    await this.stop();
    await this.#options.datapath.uninstall();
    await this.cluster.nodes.remove(this.name);
  }

  #parts(): ConstructorParameters<typeof Lifecycle>[1] {
    return [
      { name: "probe", start: (signal) => this.#probe(signal) },
      { name: "facts", start: (signal) => this.#readFacts(signal), stop: () => this.#following },
      { name: "identities", start: () => this.#identities.start() },
      { name: "ipam", start: (signal) => this.#startIpam(signal), stop: () => dispose(this.#options.ipam) },
      {
        name: "routing",
        start: (signal) => this.#startRouting(signal),
        stop: () => dispose(this.#options.routing),
      },
      {
        name: "datapath",
        start: (signal) => this.#startDatapath(signal),
        stop: () => dispose(this.#options.datapath),
      },
      { name: "endpoints", start: () => this.endpoints.restore() },
      { name: "reconciler", start: (signal) => this.#startReconciler(signal) },
    ];
  }

  /** Before anything changes: can this work here at all? */
  async #probe(signal: AbortSignal): Promise<void> {
    const { name: node, addresses } = this.#node;
    this.#underlay = await this.#options.datapath.probe({ node, addresses }, { signal });
  }

  /** Resolves with the first complete list; then follows on its own. */
  #readFacts(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#following = follow({
        store: this.#options.store,
        prefix: this.#keys.state,
        runtime: this.#config.runtime,
        signal,
        onList: (listing) => {
          this.#changed(this.#facts.load(listing));
          resolve();
        },
        onBatch: ({ changes, revision }) => this.#changed(this.#facts.apply(changes, revision)),
        onError: (error) => this.#report(error),
      });
    });
  }

  async #startIpam(signal: AbortSignal): Promise<void> {
    const { ipam, store } = this.#options;
    const { families, runtime, node } = this.#config;
    // The operator hands out ranges to nodes it knows.
    const joined = await this.#announce((known) => ({
      ...(known ?? this.#node),
      addresses: this.#node.addresses,
    }));
    await this.#heard(joined, signal);
    const prefix = this.#keys.backend(ipam.name);
    const report = (error: unknown): void => this.#report(error);
    await ipam.start(
      { node: node.name, podCIDRs: node.podCIDRs, families, store, prefix, runtime, report },
      { signal },
    );
    ipam.events.on("ranges:changed", () => this.#rangesChanged());
    this.#node = { ...this.#node, podCIDRs: ipam.ranges(), routers: ipam.routers() };
  }

  async #startRouting(signal: AbortSignal): Promise<void> {
    await this.#options.routing.start({ signal });
    this.#plan = this.#makePlan();
  }

  async #startDatapath(signal: AbortSignal): Promise<void> {
    const { datapath } = this.#options;
    await datapath.start(this.#context(), { signal });
    this.#assertStoreKnowsPods();
    // What is in force first: facts then take up the numbers that they had.
    this.#derivation.adopt(datapath.maps);
    const changes = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#derivation.apply(changes);
  }

  /** Losing the store stops changes, not traffic: what it does not know any more must not be taken for gone. */
  #assertStoreKnowsPods(): void {
    const known = [...this.#facts.endpoints.values()].some(({ value }) => value.node === this.name);
    const pods = known ? 0 : [...this.#options.datapath.maps.endpoints.entries()].length;
    if (pods === 0) return;
    const message = `the datapath has ${pods} pod addresses of ${this.name}, and the store ${this.#options.store.name} knows none of its endpoints`;
    throw new NetloomError("ERR_STORE_LOST", message, {
      remedy: "give the agent the store it had; where the pods are gone for good, call uninstall() first",
    });
  }

  #context(): DatapathContext {
    const { runtime, allowLocalHost } = this.#config;
    const { name: node, addresses, routers } = this.#node;
    const worldIdentity = this.#worldIdentity;
    return { node, addresses, routers, plan: this.#plan!, worldIdentity, allowLocalHost, runtime };
  }

  async #startReconciler(signal: AbortSignal): Promise<void> {
    const revision = await this.#announce(() => this.#node);
    this.#ready = true;
    this.#reconciler.kick();
    await this.#reconciler.settled(revision ?? this.#facts.revision);
    this.#derivation.serviceTables.settleAdopted();
    // What the fabric is told of is here by now: nobody sends to a node that would drop it.
    this.#options.routing.follow?.(this.#routingView);
    // Nobody needs to wait for it.
    this.#later(() => this.#identities.prune({ signal }));
    void this.#auditor.run();
  }

  /**
   * Resolves when the facts are as of this revision. Whoever frees an address asks the nodes that are registered at that
   * time: what a node read before it was registered may be an owner that nobody waited for it to forget.
   */
  #heard(revision: Revision | undefined, signal: AbortSignal): Promise<void> {
    if (revision === undefined || this.#facts.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#onHeard = (): void => {
        if (this.#facts.revision < revision) return;
        this.#onHeard = undefined;
        resolve();
      };
    });
  }

  #attached(name: string, attachment: Attachment | undefined): void {
    this.#derivation.setAttachment(name, attachment);
    if (attachment !== undefined) this.#flows.named(attachment);
    if (this.#ready) this.#reconciler.kick();
  }

  #changed(changes: readonly FactChange[]): void {
    if (changes.some(({ kind }) => kind === "nodes")) this.#planDue = true;
    for (const change of changes) this.#flows.remember(change);
    this.#onHeard?.();
    if (this.#waiting !== undefined) {
      // One by one: a call takes no hundred thousand arguments.
      for (const change of changes) this.#waiting.push(change);
      return;
    }
    this.#derivation.apply(changes);
    this.#routingView.derived(changes);
    if (this.#ready) this.#reconciler.kick();
  }

  /** One pass of the reconciler: as of the facts that were there when the maps were written. */
  async #pass(): Promise<Revision> {
    const { datapath } = this.#options;
    // Nodes that come while a plan is carried out need the next one: their pods are reached as it says.
    while (this.#planDue) {
      this.#planDue = false;
      try {
        this.#plan = this.#makePlan();
        await datapath.apply(this.#plan);
        this.#derivation.setPlan(this.#plan, this.#node.podCIDRs);
      } catch (error) {
        this.#planDue = true;
        throw error;
      }
    }
    const { revision } = this.#facts;
    this.#derivation.write(datapath.maps);
    return revision;
  }

  #makePlan(): RoutePlan {
    const nodes = [...this.#facts.nodes.values()].map(({ value }) => value);
    const remotes = nodes.filter(({ name }) => name !== this.name);
    const interfaces = this.#options.ipam.interfaces?.() ?? [];
    const local = interfaces.length === 0 ? this.#node : { ...this.#node, interfaces };
    const plan = this.#options.routing.plan(local, remotes, this.#underlay!);
    // The same problem is told once, not at every change of any node.
    const problems = plan.problems.map(messageOf).join("\n");
    if (problems !== this.#problems) for (const problem of plan.problems) this.#report(problem);
    this.#problems = problems;
    return plan;
  }

  #rangesChanged(): void {
    const { ipam } = this.#options;
    this.#node = { ...this.#node, podCIDRs: ipam.ranges(), routers: ipam.routers() };
    this.#planDue = true;
    // Where the ranges are as they were, but not where they were, no fact follows that would.
    if (this.#ready) this.#reconciler.kick();
    this.#routingView.changed();
    this.#later(() => this.#announce(() => this.#node));
  }

  /** Writes this node's own fact, made of what is there. `undefined` where it says so already. */
  async #announce(next: (known: NodeFact | undefined) => NodeFact): Promise<Revision | undefined> {
    const { store } = this.#options;
    const { signal } = this.#lifecycle;
    const key = this.#keys.node(this.name);
    for (;;) {
      const known = await store.get(key, { signal });
      const before = known === undefined ? undefined : parseNode(known.value);
      const after = next(before);
      if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
      try {
        if (known === undefined) return await store.create(key, nodeToJson(after), { signal });
        return await store.update(key, nodeToJson(after), { signal, revision: known.revision });
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  /** Work that nobody waits for, done again until it is done. */
  #later(task: () => Promise<unknown>): void {
    const { signal } = this.#lifecycle;
    const report = (error: unknown): void => this.#report(error);
    persist(task, { runtime: this.#config.runtime, signal, report }).catch((error: unknown) => {
      if (!signal.aborted) report(error);
    });
  }

  #report(error: unknown): void {
    this.#errors++;
    this.#events.emit("error", error);
  }
}

async function dispose(backend: AsyncDisposable): Promise<void> {
  await backend[Symbol.asyncDispose]();
}
