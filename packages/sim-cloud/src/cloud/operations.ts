import type { SimInterface } from "./records.ts";
import { Refusal } from "./refusal.ts";
import type { SimCloud } from "./sim-cloud.ts";

/** What has become of something that takes its time. */
export interface Operation {
  readonly id: string;
  readonly status: "running" | "succeeded" | "failed";
  /** How it ended, where it succeeded. */
  readonly result?: SimInterface;
  /** The body of a request for a failed one, which itself is answered with 200. */
  readonly error?: Refusal;
}

/** Operations that a client polls for. What they change is there from the beginning, how they ended is told at the end. */
export class Operations {
  readonly #sim: SimCloud;
  readonly #all = new Map<string, { readonly end: number; readonly outcome: Operation }>();

  constructor(sim: SimCloud) {
    this.#sim = sim;
  }

  /** Refusals that a vendor tells at once are thrown; the others become the operation's end. */
  start(tellsAtOnce: readonly Refusal["reason"][], act: () => SimInterface): Operation {
    const id = `operation-${this.#all.size + 1}`;
    const outcome = this.#outcome(id, tellsAtOnce, act);
    const end = this.#sim.clock.monotonic() + (this.#sim.options.operationTime ?? 0);
    this.#all.set(id, { end, outcome });
    return this.read(id);
  }

  read(id: string): Operation {
    const operation = this.#all.get(id);
    if (operation === undefined) throw new Refusal("invalid", id, `there is no ${id}`);
    return this.#sim.clock.monotonic() < operation.end ? { id, status: "running" } : operation.outcome;
  }

  /** In milliseconds. */
  remaining(id: string): number {
    return Math.max(0, (this.#all.get(id)?.end ?? 0) - this.#sim.clock.monotonic());
  }

  #outcome(id: string, tellsAtOnce: readonly Refusal["reason"][], act: () => SimInterface): Operation {
    if (this.#sim.takeFailure())
      return { id, status: "failed", error: new Refusal("failed", id, "an internal error") };
    try {
      return { id, status: "succeeded", result: act() };
    } catch (error) {
      if (!(error instanceof Refusal) || tellsAtOnce.includes(error.reason)) throw error;
      return { id, status: "failed", error };
    }
  }
}
