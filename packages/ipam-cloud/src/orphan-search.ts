import type { Clock } from "@netloom/core";
import type { CloudCall, CloudProvider, Orphan } from "./provider.ts";

/** What no instance has, read when the first asks; `undefined` where it was read just now. */
export type Look = () => Promise<readonly Orphan[] | undefined>;

/** Reads what no instance has: once for all who ask at once, and not too often. */
export class OrphanSearch {
  readonly #provider: CloudProvider;
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #call: () => CloudCall;
  /** In monotonic milliseconds. */
  #lookedAt = -Infinity;

  /** @param interval - between two looks, in milliseconds */
  constructor(provider: CloudProvider, clock: Clock, interval: number, call: () => CloudCall) {
    this.#provider = provider;
    this.#clock = clock;
    this.#interval = interval;
    this.#call = call;
  }

  /** For all who are gone on with together. */
  shared(): Look {
    // Half of it: the next one is meant to be due after the whole.
    if (this.#clock.monotonic() - this.#lookedAt < this.#interval / 2)
      return () => Promise.resolve(undefined);
    let found: ReturnType<Look> | undefined;
    return () => (found ??= this.look());
  }

  /** Now, whenever the last was. */
  async look(): Promise<readonly Orphan[]> {
    this.#lookedAt = this.#clock.monotonic();
    const found: Orphan[] = [];
    try {
      for await (const orphan of this.#provider.orphans?.(this.#call()) ?? []) found.push(orphan);
    } catch (error) {
      // Who could not look may try again at once.
      this.#lookedAt = -Infinity;
      throw error;
    }
    return found;
  }
}
