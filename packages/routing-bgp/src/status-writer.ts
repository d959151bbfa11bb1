import type { RoutingContext, Timer } from "@netloom/core";
import { isRace } from "@netloom/core/backend";
import { statusToJson, type BgpStatus } from "./status.ts";

/** Facts and sessions change in bursts: the store hears of the last. Milliseconds. */
const AFTER = 500;

/** Keeps in the store what a node says of its speakers, for whoever wrote the configuration. */
export class StatusWriter {
  readonly #context: RoutingContext;
  readonly #status: () => Promise<BgpStatus>;
  #timer: Timer | undefined;

  constructor(context: RoutingContext, status: () => Promise<BgpStatus>) {
    this.#context = context;
    this.#status = status;
  }

  /** Something may be different. */
  soon(): void {
    this.#timer ??= this.#context.runtime.clock.after(AFTER, () => {
      this.#timer = undefined;
      this.#write().catch((error: unknown) => this.#context.report(error));
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #write(): Promise<void> {
    const { store, prefix } = this.#context;
    const key = `${prefix}status/${this.#context.node().name}`;
    const value = statusToJson(await this.#status());
    try {
      const known = await store.get(key);
      if (known === undefined) await store.create(key, value);
      else if (JSON.stringify(known.value) !== JSON.stringify(value)) {
        await store.update(key, value, { revision: known.revision });
      }
    } catch (error) {
      if (!isRace(error)) throw error;
      this.soon();
    }
  }
}
