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
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(context: RoutingContext, status: () => Promise<BgpStatus>) {
    this.#context = context;
    this.#status = status;
  }

  /** Something may be different. */
  soon(): void {
    if (this.#stopped) return;
    this.#timer ??= this.#context.runtime.clock.after(AFTER, () => {
      this.#timer = undefined;
      this.#writing = this.#writing
        .then(() => this.#write())
        .catch((error: unknown) => this.#context.report(error));
    });
  }

  /** Nothing more is written; what the node has said last stays. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** The node says nothing any more. */
  async remove(): Promise<void> {
    this.stop();
    await this.#writing;
    await this.#context.store.delete(this.#key);
  }

  get #key(): string {
    return `${this.#context.prefix}status/${this.#context.node().name}`;
  }

  async #write(): Promise<void> {
    const { store } = this.#context;
    const value = statusToJson(await this.#status());
    try {
      const known = await store.get(this.#key);
      if (this.#stopped) return;
      if (known === undefined) await store.create(this.#key, value);
      else if (JSON.stringify(known.value) !== JSON.stringify(value)) {
        await store.update(this.#key, value, { revision: known.revision });
      }
    } catch (error) {
      if (!isRace(error)) throw error;
      this.soon();
    }
  }
}
