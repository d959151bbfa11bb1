import type { Runtime } from "../ports/runtime.ts";
import { sleep } from "./sleep.ts";

/** Waits longer after each failure, with jitter, so that many who failed together do not come back together. */
export class Backoff {
  readonly #runtime: Runtime;
  readonly #first: number;
  readonly #most: number;
  #next: number;

  /** Milliseconds. */
  constructor(runtime: Runtime, options: { readonly first?: number; readonly most?: number } = {}) {
    this.#runtime = runtime;
    this.#first = options.first ?? 20;
    this.#most = options.most ?? 5000;
    this.#next = this.#first;
  }

  reset(): void {
    this.#next = this.#first;
  }

  async wait(signal?: AbortSignal): Promise<void> {
    const delay = this.#next * (0.5 + this.#runtime.random.next() / 2);
    this.#next = Math.min(this.#next * 2, this.#most);
    await sleep(this.#runtime.clock, delay, signal);
  }
}
