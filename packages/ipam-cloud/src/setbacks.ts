import type { Runtime } from "@netloom/core";
import { isPassing, nameOf, passingOf, setbackOf, type Stop } from "./faults.ts";
import type { Setback } from "./packing.ts";
import type { CloudAction } from "./planning.ts";
import type { CloudFault, NodeInventory } from "./provider.ts";
import { Retries } from "./retries.ts";

/** Milliseconds until something is tried again at first. Another pool is made use of until one that fails is. */
const FIRST = { paused: 100, "pool-failing": 5000 } as const;
const MOST = 30_000;

/** What is not asked for again at once: until it may have changed, or a little longer each time where it may pass. */
export class Setbacks {
  readonly #runtime: Runtime;
  readonly #retryAfter: number;
  readonly #retries: Retries;
  #all: readonly Setback[] = [];

  /** @param retryAfter - how long what the cloud refused is not asked for, in milliseconds */
  constructor(runtime: Runtime, retryAfter: number) {
    this.#runtime = runtime;
    this.#retryAfter = retryAfter;
    this.#retries = new Retries(runtime.random, MOST);
  }

  /** In monotonic milliseconds: setting a clock right ends nothing, and makes nothing last. */
  get all(): readonly Setback[] {
    return this.#all;
  }

  /** An action failed. */
  add(fault: CloudFault, action: CloudAction, before: NodeInventory): Stop {
    const stop = setbackOf(fault, action, before);
    const wait = isPassing(stop.what)
      ? this.#retries.failed(nameOf(stop), FIRST[stop.what])
      : this.#retryAfter;
    this.#all = [...this.#all, { ...stop, until: this.#runtime.clock.monotonic() + wait }];
    return stop;
  }

  /** An action was done: the next that fails is tried again soon. */
  done(action: CloudAction, before: NodeInventory): void {
    for (const stop of passingOf(action, before)) this.#retries.succeeded(nameOf(stop));
  }

  expire(): void {
    const now = this.#runtime.clock.monotonic();
    this.#all = this.#all.filter(({ until }) => until > now);
  }

  /** Pools that have another number of addresses than was thought may be asked again. */
  forgive(pools: ReadonlySet<string>): void {
    this.#all = this.#all.filter(
      ({ what, id }) => what !== "pool-addresses" || id === undefined || !pools.has(id),
    );
  }

  /** Open intents could not be gone on with. @returns milliseconds until they are tried again */
  stuck(): number {
    return this.#retries.failed("settle", FIRST.paused);
  }

  settled(): void {
    this.#retries.succeeded("settle");
  }
}
