import {
  createOperator,
  type Agent,
  type Datapath,
  type Ipam,
  type IpamStatus,
  type OperatorComponent,
  type Store,
} from "@netloom/core";
import { memoryDatapath } from "@netloom/core/memory";
import { Controller, type DesiredCluster } from "./controller.ts";
import { Board } from "./invariants/board.ts";
import { Chance } from "./kernel/chance.ts";
import type { Life } from "./kernel/life.ts";
import { Process } from "./kernel/process.ts";
import { FAULTY, PEACEFUL, type FaultRates } from "./kernel/rates.ts";
import { Scheduler } from "./kernel/scheduler.ts";
import { DatapathPort } from "./node/datapath-port.ts";
import { Host } from "./node/host.ts";
import { Machine } from "./node/machine.ts";
import type { SimulatedClusterOptions } from "./options.ts";
import { PolicyEpochs } from "./reference/epochs.ts";
import { Facts } from "./reference/facts.ts";
import { KEYS } from "./store/keys.ts";
import { SimulatedStore } from "./store/server.ts";

/** An error that some loop told of. */
export interface ToldError {
  readonly process: string;
  readonly step: number;
  readonly error: unknown;
}

interface NodeState {
  readonly machine: Machine;
  readonly process: Process;
  host: Host | undefined;
  agent: Agent | undefined;
  ipam: Ipam | undefined;
  /** Nobody is about to declare it gone. */
  left: boolean;
}

/** Everything there is: the store, the machines, and the processes on them. */
export class World {
  readonly scheduler: Scheduler = new Scheduler();
  readonly store: SimulatedStore;
  readonly board: Board;
  readonly facts: Facts;
  readonly epochs: PolicyEpochs;
  readonly nodes: Map<string, NodeState> = new Map();
  readonly operators: Process[] = [];
  readonly controller: Process;
  readonly others: Process[] = [];
  readonly desired: DesiredCluster = { policies: new Map(), services: new Map(), leaving: new Set() };
  readonly errors: ToldError[] = [];
  readonly #options: SimulatedClusterOptions;
  readonly #rates: FaultRates;
  /** Every agent and operator there was, also those that crashed. */
  readonly #made: { stop(): Promise<void> }[] = [];
  #controllerNow: Controller | undefined;
  #definition = 0;
  #generation = 0;

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    this.#rates = options.faults === false ? PEACEFUL : { ...FAULTY, ...options.faults };
    this.store = new SimulatedStore(this.scheduler, this.#rates);
    this.board = new Board(this.scheduler);
    this.facts = new Facts(this.store.timeline);
    this.epochs = new PolicyEpochs(this.store.timeline);
    this.store.timeline.onChange((change) => {
      this.epochs.changed(change);
      this.board.changed(change);
    });
    for (let index = 0; index < options.nodes; index++) this.#addMachine(index);
    for (let index = 0; index < (options.operators ?? 2); index++) {
      this.operators.push(this.#process(`operator${index + 1}`, (life) => this.#operate(life)));
    }
    this.controller = this.#process("controller", (life) => this.#control(life));
    for (const [name, main] of Object.entries(options.processes ?? {})) {
      this.others.push(
        this.#process(name, (life) => main({ name, store: this.#storeOf(life), runtime: life.runtime })),
      );
    }
  }

  /** Machines on the fabric. */
  *machines(): Generator<Machine, void, undefined> {
    for (const { machine } of this.nodes.values()) if (machine.connected) yield machine;
  }

  get processes(): readonly Process[] {
    const agents = [...this.nodes.values()].map(({ process }) => process);
    return [...agents, ...this.operators, this.controller, ...this.others];
  }

  start(): void {
    for (const process of this.processes) process.start();
  }

  ipamOf(machine: Machine): IpamStatus | undefined {
    const node = this.nodes.get(machine.name);
    return node?.process.life === undefined ? undefined : node.ipam?.status();
  }

  /** Whoever was dead or cut off comes back, and nothing fails any more. */
  makePeace(): void {
    this.store.rates = PEACEFUL;
    this.store.heal();
    // The last definition is the widest: nodes may have something of all of it.
    const last = (this.#options.backends.components?.length ?? 1) - 1;
    if (this.#definition !== last) this.redefine(last);
    // Whoever is down comes back when its time has come.
    for (const { machine } of this.nodes.values()) machine.dieAfterWrites(Number.POSITIVE_INFINITY);
  }

  /** Who still has something to do. */
  busy(): string | undefined {
    for (const { machine, host, process } of this.nodes.values()) {
      if (!machine.connected) continue;
      if (process.life === undefined) return `${machine.name} is down`;
      if (host?.agent === undefined) return `the agent of ${machine.name} has not started`;
      if (!host.idle)
        return `${machine.name} is not done: ${host.agent.status}, ${this.#podsOf(machine, host.agent)}`;
    }
    return this.#controllerNow?.idle === true ? undefined : "the controller is not done";
  }

  setPod(node: string, pod: string, labels: readonly string[] | undefined, anew = false): void {
    const state = this.nodes.get(node);
    if (state === undefined || !state.machine.connected) return;
    const { desired } = state.machine;
    const generation = anew || !desired.has(pod) ? ++this.#generation : desired.get(pod)!.generation;
    if (labels === undefined) desired.delete(pod);
    else desired.set(pod, { labels, generation });
    state.process.life?.after(1, `wants ${pod}`, () => state.host?.wanted(pod));
  }

  setPolicy(name: string, policy: Parameters<DesiredCluster["policies"]["set"]>[1]): void {
    this.desired.policies.set(name, policy);
    this.controller.life?.after(1, `wants policy ${name}`, () => this.#controllerNow?.policy(name));
  }

  setService(name: string, service: Parameters<DesiredCluster["services"]["set"]>[1]): void {
    this.desired.services.set(name, service);
    this.controller.life?.after(1, `wants service ${name}`, () => this.#controllerNow?.service(name));
  }

  removeNode(name: string): void {
    const node = this.nodes.get(name);
    const connected = [...this.machines()].length;
    if (node === undefined || !node.machine.connected || connected < 2) return;
    node.process.remove();
    const arrived = node.process.lastArrival - this.scheduler.now;
    node.machine.connected = false;
    node.machine.desired.clear();
    node.host = undefined;
    node.left = false;
    // Whoever declares a node gone has made sure that nothing of it is under way any more.
    this.scheduler.after(arrived + 0.001, `${name} is gone`, () => {
      this.desired.leaving.add(name);
      this.controller.life?.after(1, `wants ${name} to leave`, () => this.#controllerNow?.leave(name));
    });
  }

  addNode(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined || node.machine.connected || !node.left) return;
    node.machine.replace(this.#datapathOf(name));
    node.process.start();
  }

  redefine(definition: number): void {
    this.#definition = definition;
    for (const operator of this.operators) operator.crash(1 + definition);
  }

  async close(): Promise<void> {
    for (const process of this.processes) process.remove();
    await this.store.close();
    // Nothing of theirs goes on any more. But what waits for several signals at once is kept by the engine until one of
    // them is aborted, and all of a cluster with it.
    for (const made of this.#made.splice(0)) made.stop().catch(() => undefined);
  }

  #podsOf(machine: Machine, agent: Agent): string {
    const has = agent.endpoints.list().map(({ name, state, labels }) => `${name} ${state} ${labels.join()}`);
    const wants = [...machine.desired].map(([name, { labels }]) => `${name} ${labels.join()}`);
    return `it has [${has.join("; ")}] and wants [${wants.join("; ")}]`;
  }

  #addMachine(index: number): void {
    const name = `node${index + 1}`;
    const address = `192.0.2.${index + 1}`;
    const machine = new Machine(name, address, this.#datapathOf(name), this.board);
    const process = this.#process(name, (life) => this.#host(life, name));
    this.nodes.set(name, {
      machine,
      process,
      host: undefined,
      agent: undefined,
      ipam: undefined,
      left: true,
    });
  }

  #datapathOf(node: string): Datapath {
    return this.#options.backends.datapath?.(node) ?? memoryDatapath();
  }

  #process(name: string, main: (life: Life) => Promise<void>): Process {
    const { scheduler } = this;
    const { seed } = this.#options;
    const chance = new Chance(seed, `${name} clocks`);
    const rate = (): number => 1 + chance.between(-1, 1) * this.store.rates.drift;
    return new Process({ scheduler, seed, name, main, rate, chance });
  }

  #storeOf(life: Life): Store {
    const client = this.store.client(life);
    return this.#options.backends.store?.(client, life.name) ?? client;
  }

  #tell(life: Life, error: unknown): void {
    this.errors.push({ process: life.name, step: this.scheduler.steps, error });
    if (this.errors.length > 200) this.errors.splice(0, 100);
  }

  async #host(life: Life, name: string): Promise<void> {
    const node = this.nodes.get(name)!;
    const { machine, process } = node;
    const { backends, identityGrace = 300 } = this.#options;
    const maps = machine.mapsFor(life, () => process.crash(20));
    const client = this.store.client(life);
    client.onSeen = (prefix, revision) => {
      if (prefix === KEYS.state) machine.seen = Math.max(machine.seen, revision);
    };
    const store = backends.store?.(client, life.name) ?? client;
    node.agent = undefined;
    node.ipam = undefined;
    node.host = new Host({
      life,
      machine,
      agentOptions: () => ({
        node: { name, addresses: [machine.address] },
        store,
        ipam: backends.ipam(name),
        routing: backends.routing(name),
        datapath: new DatapathPort(machine, maps, life, () => this.store.rates),
        identityGrace,
        runtime: life.runtime,
      }),
      onAgent: (agent, ipam) => {
        node.agent = agent;
        node.ipam = ipam;
        this.#made.push(agent);
        agent.events.on("error", (error) => this.#tell(life, error));
        agent.events.on("revision:applied", (revision) => {
          if (!life.alive) return;
          const before = machine.applied;
          machine.applied = Math.max(before, revision);
          this.board.applied(machine, before, revision);
        });
      },
      onError: (error) => this.#tell(life, error),
      onSettled: (revision) => this.board.settled(revision),
    });
    await node.host.run();
  }

  async #operate(life: Life): Promise<void> {
    const { backends, identityInterval = 700 } = this.#options;
    const define: (() => readonly OperatorComponent[]) | undefined = backends.components?.[this.#definition];
    const operator = createOperator({
      store: this.#storeOf(life),
      components: define?.() ?? [],
      identityInterval,
      runtime: life.runtime,
    });
    operator.events.on("error", (error) => this.#tell(life, error));
    this.#made.push(operator);
    await operator.start();
    await new Promise(() => undefined);
  }

  async #control(life: Life): Promise<void> {
    this.#controllerNow = new Controller({
      life,
      store: this.#storeOf(life),
      desired: this.desired,
      onRemoved: (node) => {
        this.desired.leaving.delete(node);
        this.nodes.get(node)!.left = true;
      },
      onSettled: (revision) => this.board.settled(revision),
      onError: (error) => this.#tell(life, error),
    });
    await this.#controllerNow.run();
  }
}
