import type { Random } from "@netloom/core";

/** How long to wait before something is tried again, longer each time. */
export class Retries {
  readonly #random: Random;
  readonly #most: number;
  readonly #failed = new Map<string, number>();

  /** @param most - milliseconds */
  constructor(random: Random, most: number) {
    this.#random = random;
    this.#most = most;
  }

  /** @param first - after the first time, in milliseconds @returns milliseconds */
  failed(what: string, first: number): number {
    const times = this.#failed.get(what) ?? 0;
    this.#failed.set(what, times + 1);
    return Math.min(first * 2 ** times, this.#most) * (0.5 + this.#random.next() / 2);
  }

  succeeded(what: string): void {
    this.#failed.delete(what);
  }
}
