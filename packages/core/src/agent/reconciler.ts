import type { Runtime } from "../ports/runtime.ts";
import type { AbortOptions, Revision } from "../ports/store.ts";
import { Backoff } from "../time/backoff.ts";

interface Waiter {
  readonly revision: Revision;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Runs one pass after another while there is something to do: never two at once, and none that a pass which is still
 * due would make superfluous. A pass that fails is tried again.
 */
export class Reconciler {
  readonly #pass: () => Promise<Revision>;
  readonly #onApplied: (revision: Revision) => void;
  readonly #onError: (error: unknown) => void;
  readonly #backoff: Backoff;
  readonly #signal: AbortSignal;
  readonly #waiters = new Set<Waiter>();
  #askedAgain: readonly Pick<Waiter, "resolve" | "reject">[] = [];
  #due = false;
  #running = false;
  #applied: Revision = 0;

  /** @param pass - brings the datapath to the facts, and says as of which revision. */
  constructor(options: {
    readonly pass: () => Promise<Revision>;
    readonly onApplied: (revision: Revision) => void;
    readonly onError: (error: unknown) => void;
    readonly runtime: Runtime;
    readonly signal: AbortSignal;
  }) {
    this.#pass = options.pass;
    this.#onApplied = options.onApplied;
    this.#onError = options.onError;
    this.#backoff = new Backoff(options.runtime);
    this.#signal = options.signal;
    options.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** The datapath has everything up to here. */
  get applied(): Revision {
    return this.#applied;
  }

  /** Something has changed. */
  kick(): void {
    this.#due = true;
    if (!this.#running) void this.#run();
  }

  /** One more pass, whatever has changed. Resolves when one that began after the call has succeeded. */
  again(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) return reject(this.#signal.reason);
      this.#askedAgain = [...this.#askedAgain, { resolve, reject }];
      this.kick();
    });
  }

  /** Resolves when the datapath has what the facts said at `revision`. */
  settled(revision: Revision, options: AbortOptions = {}): Promise<void> {
    if (this.#applied >= revision) return Promise.resolve();
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const reason = this.#signal.aborted ? this.#signal : signal;
      if (reason?.aborted === true) return reject(reason.reason);
      const aborted = (): void => waiter.reject(signal?.reason);
      const leave = (): void => {
        signal?.removeEventListener("abort", aborted);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        revision,
        resolve: () => {
          leave();
          resolve();
        },
        reject: (why) => {
          leave();
          reject(why);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Lets what arrives in this turn be served by one pass.
    await Promise.resolve();
    while (this.#due && !this.#signal.aborted) {
      this.#due = false;
      const asked = this.#askedAgain;
      try {
        const revision = await this.#pass();
        this.#backoff.reset();
        this.#reached(revision);
        this.#askedAgain = this.#askedAgain.filter((each) => !asked.includes(each));
        for (const { resolve } of asked) resolve();
      } catch (error) {
        if (this.#signal.aborted) break;
        this.#onError(error);
        this.#due = true;
        await this.#backoff.wait(this.#signal).catch(() => undefined);
      }
    }
    this.#running = false;
  }

  #reached(revision: Revision): void {
    this.#applied = Math.max(this.#applied, revision);
    for (const waiter of this.#waiters) if (waiter.revision <= this.#applied) waiter.resolve();
    this.#onApplied(this.#applied);
  }

  #stop(): void {
    for (const waiter of [...this.#waiters, ...this.#askedAgain]) waiter.reject(this.#signal.reason);
  }
}
