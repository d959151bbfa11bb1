import type { AllocateOptions, Family, Lease } from "@netloom/core";

export interface Waiter {
  readonly owner: string;
  readonly options: AllocateOptions;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (reason: unknown) => void;
}

/** Allocations that wait for an address, in their order. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Distinct owners, by family. */
  byFamily(): Readonly<Partial<Record<Family, number>>> {
    const owners: Readonly<Record<Family, Set<string>>> = { 4: new Set(), 6: new Set() };
    for (const { owner, options } of this.#waiting)
      for (const family of options.families) owners[family].add(owner);
    return { 4: owners[4].size, 6: owners[6].size };
  }

  /** Resolves as `serve` says; rejects with `signal.reason` when aborted. */
  wait(owner: string, options: AllocateOptions): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const leave = (): void => {
        this.#waiting.delete(waiter);
        signal?.removeEventListener("abort", aborted);
      };
      const waiter: Waiter = {
        owner,
        options,
        resolve: (lease) => {
          leave();
          resolve(lease);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      const aborted = (): void => waiter.reject(signal?.reason);
      signal?.addEventListener("abort", aborted, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** Each of them, the one that waits longest first. */
  *[Symbol.iterator](): IterableIterator<Waiter> {
    yield* [...this.#waiting];
  }
}
