import { createAgent, sleep, type Agent, type AgentOptions, type Ipam } from "@netloom/core";
import type { Life } from "../kernel/life.ts";
import type { Machine } from "./machine.ts";

export interface HostOptions {
  readonly life: Life;
  readonly machine: Machine;
  /** Made anew for each attempt to start: an agent cannot be started twice. */
  readonly agentOptions: () => AgentOptions;
  readonly onAgent: (agent: Agent, ipam: Ipam) => void;
  readonly onError: (error: unknown) => void;
  /** Every node was said to enforce this revision. */
  readonly onSettled: (revision: number) => void;
}

/**
 * The application on a node that embeds the agent, as a kubelet would be: it knows which pods are wanted and brings it
 * about, one call after the other, again after every failure and crash.
 */
export class Host {
  readonly #options: HostOptions;
  readonly #busy = new Set<string>();
  readonly #generations = new Map<string, number>();
  #agent: Agent | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  get agent(): Agent | undefined {
    return this.#agent;
  }

  /** Nothing is under way, and everything is as wanted. */
  get idle(): boolean {
    const { desired } = this.#options.machine;
    if (this.#agent?.status !== "running" || this.#busy.size > 0) return false;
    return (
      [...desired.keys()].every((name) => this.#isRight(name)) &&
      this.#agent.endpoints.list().every(({ name }) => desired.has(name))
    );
  }

  /** Never resolves: the process runs until it dies. */
  async run(): Promise<void> {
    const { life, machine, agentOptions, onAgent, onError } = this.#options;
    for (;;) {
      const options = agentOptions();
      const agent = createAgent(options);
      onAgent(agent, options.ipam);
      try {
        await agent.start();
        this.#agent = agent;
        break;
      } catch (error) {
        onError(error);
        await sleep(life.runtime.clock, life.chance.between(50, 500));
      }
    }
    for (const { name } of this.#agent.endpoints.list()) this.wanted(name);
    for (const name of machine.desired.keys()) this.wanted(name);
    await new Promise(() => undefined);
  }

  /** Something else is wanted of a pod. */
  wanted(name: string): void {
    if (this.#agent === undefined || this.#busy.has(name)) return;
    this.#busy.add(name);
    this.#bringAbout(name, this.#agent).then(
      () => this.#busy.delete(name),
      () => this.#busy.delete(name),
    );
  }

  #isRight(name: string): boolean {
    const wanted = this.#options.machine.desired.get(name);
    const pod = this.#agent?.endpoints.get(name);
    if (wanted === undefined || pod === undefined) return wanted === undefined && pod === undefined;
    const generation = this.#generations.get(name);
    return sameLabels(wanted.labels, pod.labels) && (generation ?? wanted.generation) === wanted.generation;
  }

  async #bringAbout(name: string, agent: Agent): Promise<void> {
    const { life, machine, onError, onSettled } = this.#options;
    while (!this.#isRight(name)) {
      const wanted = machine.desired.get(name);
      const pod = agent.endpoints.get(name);
      try {
        if (pod === undefined && wanted !== undefined) {
          const made = await agent.endpoints.create({ name, labels: wanted.labels });
          this.#generations.set(name, wanted.generation);
          void agent.cluster.settled(made.revision).then(() => onSettled(made.revision), onError);
        } else if (wanted === undefined || this.#generations.get(name) !== wanted.generation) {
          // After a restart nobody remembers which one it was: it is taken for the one that is wanted.
          if (wanted !== undefined && !this.#generations.has(name))
            this.#generations.set(name, wanted.generation);
          else await agent.endpoints.delete(name);
        } else await agent.endpoints.setLabels(name, wanted.labels);
      } catch (error) {
        onError(error);
        await sleep(life.runtime.clock, life.chance.between(20, 400));
      }
    }
  }
}

function sameLabels(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort().join() === [...b].sort().join();
}
