import type { Timer } from "@netloom/core";
import { isRace } from "@netloom/core/backend";
import type { BackendContext } from "./context.ts";
import { statusToJson, type BgpStatus } from "./status.ts";

/** Facts and sessions change in bursts: the store hears of the last. Milliseconds. */
const AFTER = 500;

/** Keeps in the store what a node says of its speakers, for whoever wrote the configuration. */
export class StatusWriter {
  readonly #context: BackendContext;
  readonly #status: () => Promise<BgpStatus>;
  #timer: Timer | undefined;

  constructor(context: BackendContext, status: () => Promise<BgpStatus>) {
    this.#context = context;
    this.#status = status;
  }

  /** Something may be different. */
  soon(): void {
    this.#timer ??= this.#context.runtime.clock.after(AFTER, () => {
      this.#timer = undefined;
      this.#write().catch(this.#context.report);
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #write(): Promise<void> {
    const { store, prefix, node } = this.#context;
    const key = `${prefix}status/${node().name}`;
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
