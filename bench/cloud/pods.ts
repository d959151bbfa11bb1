import type { Clock } from "@netloom/core";

/** The pods of one node, and the addresses they wait for: what every contender serves. */
export class Pods {
  readonly #clock: Clock;
  /** How long each pod waited, in milliseconds. */
  readonly waits: number[] = [];
  /** Called when pods have taken addresses, or wait for some. */
  changed: () => void = () => {};
  #waiting: number[] = [];
  #addresses = 0;
  #used = 0;
  #served: { readonly count: number; readonly done: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get used(): number {
    return this.#used;
  }

  /** Addresses that no pod has. */
  get free(): number {
    return this.#addresses - this.#used;
  }

  arrive(count: number): void {
    for (let pod = 0; pod < count; pod++) this.#waiting.push(this.#clock.monotonic());
    this.#serve();
  }

  /** So many addresses more can be used from now on. */
  add(count: number): void {
    this.#addresses += count;
    this.#serve();
  }

  /** Resolves when so many pods have an address. */
  async served(count: number): Promise<void> {
    if (this.#used >= count) return;
    await new Promise<void>((done) => {
      this.#served = { count, done };
    });
  }

  #serve(): void {
    const now = this.#clock.monotonic();
    const served = this.#waiting.splice(0, this.free);
    for (const since of served) this.waits.push(now - since);
    this.#used += served.length;
    if (this.#served !== undefined && this.#used >= this.#served.count) this.#served.done();
    this.changed();
  }
}
