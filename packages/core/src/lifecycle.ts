import { NetloomError, messageOf } from "./errors.ts";

export type Status = "idle" | "starting" | "running" | "stopping" | "stopped";

/** One thing to start and stop: those before it are up when it starts, and still up when it stops. */
export interface Part {
  readonly name: string;
  start(signal: AbortSignal): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/**
 * Starts parts in order and stops them in reverse. Both may be called twice. A failed start stops what had
 * started and rejects with the first error; `stop` tries everything, then throws one `AggregateError`.
 */
export class Lifecycle implements AsyncDisposable {
  readonly #owner: string;
  readonly #parts: readonly Part[];
  #status: Status = "idle";
  #started: Part[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #settling: Promise<void> | undefined;
  readonly #abort = new AbortController();

  constructor(owner: string, parts: readonly Part[]) {
    this.#owner = owner;
    this.#parts = parts;
  }

  get status(): Status {
    return this.#status;
  }

  /** Aborted as soon as the stop begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** @throws `ERR_CLOSED` where it was stopped before. */
  start(): Promise<void> {
    if (this.#status === "stopping" || this.#status === "stopped") return Promise.reject(this.#closed());
    this.#starting ??= this.#run();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#unwind();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** @throws `ERR_CLOSED` unless running. */
  assertRunning(): void {
    if (this.#status !== "running") throw this.#closed();
  }

  async #run(): Promise<void> {
    this.#status = "starting";
    for (const part of this.#parts) {
      if (this.#abort.signal.aborted) return;
      // Before it starts, so that one that got half-way is stopped too.
      this.#started.push(part);
      try {
        this.#settling = Promise.resolve(part.start(this.#abort.signal));
        await this.#settling;
      } catch (error) {
        await this.stop().catch(() => undefined);
        throw error;
      }
    }
    if (this.#status === "starting") this.#status = "running";
  }

  async #unwind(): Promise<void> {
    this.#status = "stopping";
    this.#abort.abort(this.#closed());
    // A part in the middle of its start sees the abort, and is given the time to come back.
    await this.#settling?.catch(() => undefined);
    const errors: unknown[] = [];
    for (const part of this.#started.splice(0).reverse()) {
      try {
        await part.stop?.();
      } catch (error) {
        errors.push(error);
      }
    }
    this.#status = "stopped";
    if (errors.length > 0) {
      const list = errors.map((error) => messageOf(error)).join("; ");
      throw new AggregateError(errors, `${this.#owner} did not stop cleanly: ${list}`);
    }
  }

  #closed(): NetloomError {
    return new NetloomError("ERR_CLOSED", `${this.#owner} is ${this.#status}`, {
      remedy: this.#status === "idle" ? "await start() first" : "create a new one",
    });
  }
}
