import type { ConfigEffect } from "@netloom/bgp";
import { messageOf, type Clock, type Timer } from "@netloom/core";
import { withExports, type RouteSet } from "./advertise.ts";
import type { SpeakerDriver, SpeakerSettings } from "./driver.ts";
import type { NamedEntry, ResolvedInstance } from "./resources/index.ts";

/** All that a speaker of this node should be and tell. */
export interface InstanceGoal {
  readonly instance: ResolvedInstance;
  readonly advertisements: readonly NamedEntry[];
  readonly sets: readonly RouteSet[];
  readonly install: SpeakerSettings["install"];
}

export interface InstanceOptions {
  readonly driver: SpeakerDriver;
  readonly clock: Clock;
  readonly report: (error: unknown) => void;
  readonly onEffect: (effect: ConfigEffect) => void;
}

/** What failed may work later: a port that was taken, a process that was not there. */
const RETRY_AFTER = 5000;

/** Brings one speaker to its goal, and again when the goal changes. */
export class Instance {
  readonly driver: SpeakerDriver;
  readonly #options: InstanceOptions;
  #goal: InstanceGoal | undefined;
  #applied: string | undefined;
  /** The sets that the speaker has: until they are changed they need their place in the export policies. */
  #told: readonly Pick<RouteSet, "name" | "entries">[] = [];
  #working: Promise<void> | undefined;
  #due = false;
  #retry: Timer | undefined;
  #said = "";

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.driver = options.driver;
  }

  get goal(): InstanceGoal | undefined {
    return this.#goal;
  }

  set(goal: InstanceGoal): void {
    this.#goal = goal;
    this.#start();
  }

  /** Resolves when it has tried to reach its goal. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** Nothing more is tried. The driver is left to whoever ends it. */
  stop(): void {
    this.#goal = undefined;
    this.#retry?.cancel();
  }

  #start(): void {
    this.#due = true;
    this.#retry?.cancel();
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    while (this.#due && this.#goal !== undefined) {
      this.#due = false;
      try {
        await this.#reach(this.#goal);
        this.#said = "";
      } catch (error) {
        if (this.#goal === undefined) return;
        if (messageOf(error) !== this.#said) this.#options.report(error);
        this.#said = messageOf(error);
        this.#retry = this.#options.clock.after(RETRY_AFTER, () => this.#start());
      }
    }
  }

  async #reach({ instance, advertisements, sets, install }: InstanceGoal): Promise<void> {
    const names = new Set(sets.map(({ name }) => name));
    // A prefix may move from an old set to a new one: it must be allowed in both while it does.
    const both = [...sets, ...this.#told.filter(({ name }) => !names.has(name))];
    const config = withExports(instance, advertisements, both);
    const text = JSON.stringify({ config, install });
    let refused: unknown;
    if (text !== this.#applied) {
      try {
        const effect = await this.driver.configure({ config, install });
        this.#applied = text;
        if (effect !== undefined) this.#options.onEffect(effect);
      } catch (error) {
        // With the configuration that it had it can still take back what is gone.
        if (this.#applied === undefined) throw error;
        refused = error;
      }
    }
    await this.driver.advertise(new Map(sets.map(({ name, routes }) => [name, routes])));
    this.#told = sets;
    if (refused !== undefined) throw refused;
  }
}
