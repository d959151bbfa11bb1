import { addressesCheck, bindingsCheck } from "./invariants/addresses.ts";
import { appliedCheck } from "./invariants/applied.ts";
import { identitiesCheck } from "./invariants/identities.ts";
import type { Violation } from "./invariants/invariant.ts";
import { PolicyCheck } from "./invariants/policy.ts";
import { quietCheck } from "./invariants/quiet.ts";
import { rangesCheck } from "./invariants/ranges.ts";
import type { Machine } from "./node/machine.ts";
import { checkOptions, type Invariant, type InvariantView, type SimulatedClusterOptions } from "./options.ts";
import type { PlannedEvent } from "./plan/events.ts";
import { generatePlan } from "./plan/generate.ts";
import { perform } from "./plan/perform.ts";
import { World, type ToldError } from "./world.ts";

/** What became of a run. */
export interface SimulationReport {
  readonly seed: number;
  /** Events that happened, the convergence at the end included. */
  readonly steps: number;
  /** Virtual milliseconds. */
  readonly time: number;
  /** Of everything that happened: the same seed and code, the same hash. */
  readonly hash: string;
  /** The first law that was broken. */
  readonly violation: Violation | undefined;
  /** What was done to the cluster. */
  readonly plan: readonly PlannedEvent[];
  /** The last steps before the end. */
  readonly recent: readonly string[];
  /** What loops told of, the last of it. */
  readonly errors: readonly ToldError[];
}

/** A whole cluster in this process. */
export interface SimulatedCluster {
  /** Runs it: first with all that is planned, then in peace until everything has come right. Once. */
  run(): Promise<SimulationReport>;
}

/**
 * A cluster of agents, operators, a store and datapaths, in which nothing happens but by the seed.
 *
 * @throws `ERR_OPTIONS_INVALID`.
 */
export function createCluster(options: SimulatedClusterOptions): SimulatedCluster {
  checkOptions(options);
  return { run: () => new Run(options).run() };
}

/** How many steps pass between two looks at what must come true in the end. */
const LOOK_EVERY = 40;

class Run {
  readonly #options: SimulatedClusterOptions;
  readonly #world: World;
  readonly #plan: readonly PlannedEvent[];
  readonly #steps: number;
  readonly #view: InvariantView;

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    this.#world = new World(options);
    this.#steps = options.steps ?? 1000;
    this.#plan =
      options.plan ??
      generatePlan({
        seed: options.seed,
        nodes: [...this.#world.nodes.keys()],
        others: this.#world.processes.map(({ name }) => name).filter((name) => !this.#world.nodes.has(name)),
        steps: this.#steps,
        definitions: options.backends.components?.length ?? 0,
        peaceful: options.faults === false,
        services: options.services ?? false,
      });
    const world = this.#world;
    this.#view = {
      list: (prefix) => world.store.timeline.list(prefix),
      get nodes() {
        return [...world.machines()].map(({ name }) => name);
      },
    };
    this.#addChecks(options.invariants ?? []);
  }

  async run(): Promise<SimulationReport> {
    const { scheduler, board, errors } = this.#world;
    this.#world.start();
    await this.#disturb();
    if (board.violation === undefined) await this.#settle();
    const report: SimulationReport = {
      seed: this.#options.seed,
      steps: scheduler.steps,
      time: scheduler.now,
      hash: scheduler.trace.hash,
      violation: board.violation,
      plan: this.#plan,
      recent: scheduler.trace.recent,
      errors: [...errors],
    };
    await this.#world.close();
    return report;
  }

  /** What is planned happens, in its steps. */
  async #disturb(): Promise<void> {
    const { scheduler } = this.#world;
    let next = 0;
    while (scheduler.steps < this.#steps) {
      const event = this.#plan[next];
      if (event !== undefined && event.step <= scheduler.steps) {
        perform(this.#world, event);
        next++;
        continue;
      }
      if (!(await this.#step())) return;
    }
    for (const event of this.#plan.slice(next)) perform(this.#world, event);
  }

  /** Peace, until everything has come right or patience is at its end. */
  async #settle(): Promise<void> {
    const { scheduler, board } = this.#world;
    this.#world.makePeace();
    const deadline = scheduler.now + (this.#options.patience ?? 120_000);
    for (let count = 1; ; count++) {
      if (!(await this.#step())) return;
      if (count % LOOK_EVERY !== 0) continue;
      const pending = board.pending();
      if (pending === undefined) return;
      if (scheduler.now > deadline)
        return board.fail(pending.invariant, `never came true: ${pending.message}`);
    }
  }

  /** `false`: it is over. */
  async #step(): Promise<boolean> {
    const { scheduler, board } = this.#world;
    const happened = await scheduler.step();
    const machine = this.#machineOf(scheduler.lastOwner);
    if (machine !== undefined) board.stepped(machine);
    for (const { name, always } of this.#options.invariants ?? []) {
      const message = always?.(this.#view);
      if (message !== undefined) board.fail(name, message);
    }
    return happened && board.violation === undefined;
  }

  #machineOf(owner: unknown): Machine | undefined {
    if (owner === undefined) return undefined;
    for (const { machine, process } of this.#world.nodes.values()) if (process.life === owner) return machine;
    return undefined;
  }

  #addChecks(own: readonly Invariant[]): void {
    const world = this.#world;
    const { board, facts, epochs, store } = world;
    const machines = (): Iterable<Machine> => world.machines();
    const changedBetween = (after: number, upTo: number): readonly string[] =>
      store.timeline.changedBetween(after, upTo);
    const policy = new PolicyCheck({ machines, facts, epochs, changedBetween });
    const ipamOf = world.ipamOf.bind(world);
    board.add(
      ...own.map(({ name, eventually }) => ({ name, eventually: () => eventually?.(this.#view) })),
      addressesCheck(machines, facts),
      bindingsCheck(facts, (node, address) =>
        facts.nodes().some(({ name, routers }) => name === node && routers.includes(address)),
      ),
      rangesCheck(
        () =>
          [...world.nodes.values()].filter(({ machine }) => machine.connected).map(({ machine }) => machine),
        ipamOf,
      ),
      identitiesCheck(machines, facts),
      policy,
      appliedCheck(machines, facts),
      quietCheck({
        machines,
        facts,
        timeline: store.timeline,
        policy,
        agentOf: ({ name }) => world.nodes.get(name)?.agent,
        ipamOf,
        busy: () => world.busy(),
      }),
    );
  }
}
