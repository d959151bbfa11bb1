import type { Random } from "@netloom/core";

/** How long to wait before something is tried again, longer each time. */
export class Retries {
  readonly #random: Random;
  readonly #first: number;
  readonly #most: number;
  readonly #failed = new Map<string, number>();

  constructor(random: Random, { first, most }: { readonly first: number; readonly most: number }) {
    this.#random = random;
    this.#first = first;
    this.#most = most;
  }

  /** Milliseconds. */
  failed(what: string): number {
    const times = this.#failed.get(what) ?? 0;
    this.#failed.set(what, times + 1);
    return Math.min(this.#first * 2 ** times, this.#most) * (0.5 + this.#random.next() / 2);
  }

  succeeded(what: string): void {
    this.#failed.delete(what);
  }
}
