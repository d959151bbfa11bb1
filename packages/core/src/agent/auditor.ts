import type { Attachment, Datapath, DatapathMaps, Drift, EndpointHook } from "../ports/datapath.ts";
import type { RoutePlan } from "../ports/routing.ts";
import type { Runtime } from "../ports/runtime.ts";
import { sleep } from "../time/sleep.ts";
import type { Derivation } from "./derivation.ts";

export interface AuditorOptions {
  readonly datapath: Datapath;
  readonly maps: () => DatapathMaps;
  readonly derivation: Derivation;
  readonly plan: () => RoutePlan;
  readonly hooks: () => readonly EndpointHook[];
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  /** Milliseconds between two looks; 0: none but those that are asked for. */
  readonly interval: number;
  /** An interface that had to be made anew has another number. */
  readonly attached: (attachment: Attachment) => void;
  /** What the maps lack is noted: write it. Resolves when that is done. */
  readonly mend: () => Promise<void>;
  readonly onDrift: (drifts: readonly Drift[]) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Looks now and then whether the datapath still is what the agent made of it, for others may reach into maps, routes
 * and devices too. What is not gets mended and told.
 */
export class Auditor {
  readonly #options: AuditorOptions;
  #current: Promise<readonly Drift[]> | undefined;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** One look; who asks while one is under way gets that one. Resolves when all that was found is mended. */
  audit(): Promise<readonly Drift[]> {
    this.#current ??= this.#look().finally(() => (this.#current = undefined));
    return this.#current;
  }

  /** Looks until aborted. What goes wrong is told, and tried again the next time. */
  async run(): Promise<void> {
    const { interval, runtime, signal, onError } = this.#options;
    if (interval === 0) return;
    for (;;) {
      try {
        await sleep(runtime.clock, interval, signal);
      } catch {
        return;
      }
      await this.audit().catch((error: unknown) => {
        if (!signal.aborted) onError(error);
      });
    }
  }

  async #look(): Promise<readonly Drift[]> {
    const { datapath, maps, derivation, plan, hooks, runtime, signal } = this.#options;
    let failure: unknown;
    const breathe = (): Promise<void> => sleep(runtime.clock, 0, signal);
    // Devices first: entries name them by their numbers.
    const devices = await datapath.audit?.(plan(), hooks(), { signal }).catch((error: unknown) => {
      failure = error;
      return undefined;
    });
    for (const one of await datapath.attachments()) this.#options.attached(one);
    const entries = await derivation.audit(maps(), breathe);
    const drifts = [...(devices ?? []), ...entries];
    if (drifts.length > 0) {
      await this.#options.mend();
      this.#options.onDrift(drifts);
    }
    if (failure !== undefined) throw failure;
    return drifts;
  }
}
