import { NetloomError, type ChangeBatch, type Revision } from "@netloom/core";
import type { Life } from "../kernel/life.ts";
import type { SimulatedStore } from "./server.ts";

type Delivery = { readonly batch: ChangeBatch } | { readonly error: unknown };

/** One watch on its way to one process: in order, each batch with a delay of its own, until the connection is lost. */
export class Watch {
  readonly #store: SimulatedStore;
  readonly #life: Life;
  readonly #prefix: string;
  readonly #blocked: () => boolean;
  readonly #stop = new AbortController();
  readonly #arrived: Delivery[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  /** When the last one that is under way arrives. */
  #lastAt = 0;

  constructor(
    store: SimulatedStore,
    life: Life,
    options: { readonly prefix: string; readonly from: Revision; readonly blocked: () => boolean },
  ) {
    this.#store = store;
    this.#life = life;
    this.#prefix = options.prefix;
    this.#blocked = options.blocked;
    void this.#pump(options.from);
  }

  /** `undefined` once ended. @throws what the store throws. */
  async next(): Promise<ChangeBatch | undefined> {
    for (;;) {
      const delivery = this.#arrived.shift();
      if (delivery !== undefined) {
        if ("error" in delivery) throw delivery.error;
        return delivery.batch;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Its holder does not want any more. */
  end(): void {
    this.#ended = true;
    this.#stop.abort();
    this.#wake?.();
  }

  /** Nobody is there to be told. */
  abandon(): void {
    this.#stop.abort();
  }

  disconnect(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#deliver({ error: lost(this.#prefix) });
  }

  async #pump(from: Revision): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const batch of this.#store.server.watch(this.#prefix, { from, signal })) {
        if (signal.aborted) return;
        if (this.#blocked()) return this.disconnect();
        this.#deliver({ batch });
        if (this.#life.chance.happens(this.#store.rates.disconnect)) return this.disconnect();
      }
    } catch (error) {
      if (!signal.aborted) this.#deliver({ error });
    }
  }

  #deliver(delivery: Delivery): void {
    const { chance } = this.#life;
    let delay = this.#store.latency(chance);
    if (chance.happens(this.#store.rates.lag)) delay += chance.between(100, 2000);
    const at = Math.max(this.#lastAt, this.#store.now + delay);
    this.#lastAt = at;
    const what = "batch" in delivery ? `revision ${delivery.batch.revision}` : "error";
    this.#life.at(at, `~ ${this.#prefix} ${what}`, () => {
      if (this.#ended) return;
      this.#arrived.push(delivery);
      this.#wake?.();
    });
  }
}

function lost(prefix: string): NetloomError {
  return new NetloomError("ERR_STORE_UNAVAILABLE", `the watch of ${prefix} was lost`, {
    retryable: true,
    backend: "simulated",
  });
}
