import { isNetloomError } from "../errors.ts";
import type { Revision, Store } from "../ports/store.ts";
import type { Runtime } from "../ports/runtime.ts";
import { Backoff } from "../time/backoff.ts";

/** Tells the cluster how far this node's datapath has got. One write at a time; what comes meanwhile waits as one. */
export class Acknowledger {
  readonly #store: Store;
  readonly #key: string;
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #backoff: Backoff;
  #wanted: Revision = 0;
  #written: Revision = 0;
  #running = false;

  constructor(options: {
    readonly store: Store;
    readonly key: string;
    readonly runtime: Runtime;
    readonly signal: AbortSignal;
    readonly onError: (error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#key = options.key;
    this.#signal = options.signal;
    this.#onError = options.onError;
    this.#backoff = new Backoff(options.runtime);
  }

  acknowledge(revision: Revision): void {
    if (revision <= this.#wanted) return;
    this.#wanted = revision;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#written < this.#wanted && !this.#signal.aborted) {
      const revision = this.#wanted;
      try {
        await this.#write(revision);
        this.#written = revision;
        this.#backoff.reset();
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#onError(error);
        await this.#backoff.wait(this.#signal).catch(() => undefined);
      }
    }
    // In the same turn as the last look: what comes after this starts anew.
    this.#running = false;
  }

  async #write(revision: Revision): Promise<void> {
    const signal = this.#signal;
    const known = await this.#store.get(this.#key, { signal });
    try {
      if (known === undefined) await this.#store.create(this.#key, { revision }, { signal });
      else await this.#store.update(this.#key, { revision }, { signal, revision: known.revision });
    } catch (error) {
      // Only a former life of this agent writes here: read again.
      const race = isNetloomError(error, "ERR_STORE_EXISTS") || isNetloomError(error, "ERR_STORE_CONFLICT");
      if (!race) throw error;
      await this.#write(revision);
    }
  }
}
