import { Worker } from "node:worker_threads";
import { canonicalAddress } from "./address.ts";
import { DEFAULTS, intervalsOf } from "./intervals.ts";
import type { Intervals } from "./session.ts";
import type { Bfd, BfdOptions, OnChange, SessionStatus, Watch, WatchOptions } from "./types.ts";
import { errorOf, type Order, type Report } from "./worker-messages.ts";

interface Entry {
  readonly path: string;
  readonly onChange: OnChange;
  readonly watch: Watch;
  status: SessionStatus;
}

/** BFD in another thread, which a blocked event loop of this one does not concern. */
export class RemoteBfd implements Bfd {
  readonly #worker: Worker;
  readonly #onError: (error: Error) => void;
  readonly #entries = new Map<number, Entry>();
  #discarded: ReadonlyMap<string, number> = new Map();
  #lastId = 0;
  #closed = false;

  constructor({ netns, onError = () => undefined }: BfdOptions) {
    this.#onError = onError;
    // Sources run as they are, and look for other packages' sources; what is built does neither.
    const source = import.meta.url.endsWith(".ts");
    this.#worker = new Worker(new URL(source ? "./worker.ts" : "./worker.js", import.meta.url), {
      workerData: { netns },
      ...(source ? { execArgv: ["--conditions=@netloom/source"] } : {}),
    });
    this.#worker.on("message", (message: Report) => this.#hear(message));
    this.#worker.on("error", onError);
    this.#worker.on("exit", (code) => {
      if (!this.#closed)
        onError(new Error(`the thread of BFD ended with ${code}: nothing is watched any more`));
    });
  }

  get discarded(): ReadonlyMap<string, number> {
    return this.#discarded;
  }

  watch(options: WatchOptions, onChange: OnChange): Watch {
    if (this.#closed) throw new TypeError("this BFD is closed");
    const { interface: device, ...rest } = options;
    const intervals = intervalsOf(DEFAULTS, options);
    const local = canonicalAddress(options.local, device);
    const remote = canonicalAddress(options.remote, device);
    const path = `${local} ${remote} ${device ?? ""}`;
    for (const entry of this.#entries.values())
      if (entry.path === path) throw new TypeError(`the path from ${local} to ${remote} is watched`);
    const id = (this.#lastId += 1);
    const watch = this.#watchOf(id, intervals);
    const status = unheard(local, remote, device, intervals);
    this.#entries.set(id, { path, onChange, watch, status });
    this.#order({ kind: "watch", id, options: { ...rest, interface: device } });
    return watch;
  }

  sessions(): readonly SessionStatus[] {
    return Array.from(this.#entries.values(), ({ status }) => status);
  }

  close(): void {
    if (this.#closed) return;
    this.#order({ kind: "end" });
    this.#closed = true;
    this.#entries.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #watchOf(id: number, first: Intervals): Watch {
    let intervals = first;
    let last: SessionStatus | undefined;
    const statusNow = (): SessionStatus | undefined => this.#entries.get(id)?.status;
    const close = (): void => {
      last = statusNow() ?? last;
      if (this.#entries.delete(id)) this.#order({ kind: "close", id });
    };
    return {
      get status() {
        const status = statusNow() ?? last;
        if (status === undefined) throw new TypeError("this BFD is closed");
        return status;
      },
      setIntervals: (changes) => {
        intervals = intervalsOf(intervals, changes);
        this.#order({ kind: "set", id, intervals });
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  #order(order: Order): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    if (!this.#closed) this.#worker.postMessage(order);
  }

  #hear(message: Report): void {
    if (this.#closed) return;
    if (message.kind === "discarded") {
      this.#discarded = message.counts;
      return;
    }
    if (message.kind === "error") {
      this.#onError(errorOf(message.error));
      return;
    }
    const entry = this.#entries.get(message.id);
    if (entry === undefined) return;
    const { status } = message;
    entry.status = status;
    if (message.changed) entry.onChange(status.state, status.diagnostic, status);
  }
}

/** Before the thread has said anything. */
function unheard(
  local: string,
  remote: string,
  device: string | undefined,
  { transmitInterval }: Intervals,
): SessionStatus {
  return {
    ...{ local, remote, interface: device, state: "down", diagnostic: "none" },
    ...{
      remoteState: undefined,
      remoteDiagnostic: undefined,
      discriminator: 0,
      remoteDiscriminator: undefined,
    },
    ...{ transmissionInterval: Math.max(1000, transmitInterval), detectionTime: undefined },
    ...{ sent: 0, received: 0, sendErrors: 0 },
  };
}
