import type { AllocateOptions, Family, Lease } from "@netloom/core";

export interface Waiter {
  readonly owner: string;
  readonly options: AllocateOptions;
  /** Resolves as `resolve` says; rejects with `signal.reason` of the options when aborted. */
  readonly lease: Promise<Lease>;
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

  wait(owner: string, options: AllocateOptions): Waiter {
    const { signal } = options;
    let [resolve, reject]: [Waiter["resolve"], Waiter["reject"]] = [() => {}, () => {}];
    const lease = new Promise<Lease>((...both) => ([resolve, reject] = both));
    const leave = (): void => {
      this.#waiting.delete(waiter);
      signal?.removeEventListener("abort", aborted);
    };
    const waiter: Waiter = {
      owner,
      options,
      lease,
      resolve: (given) => {
        leave();
        resolve(given);
      },
      reject: (reason) => {
        leave();
        reject(reason);
      },
    };
    const aborted = (): void => waiter.reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    this.#waiting.add(waiter);
    return waiter;
  }

  /** Each of them, the one that waits longest first. */
  *[Symbol.iterator](): IterableIterator<Waiter> {
    yield* [...this.#waiting];
  }
}
