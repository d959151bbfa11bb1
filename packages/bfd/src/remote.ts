import { Worker } from "node:worker_threads";
import { SocketError } from "@netloom/sockets";
import { canonicalAddress } from "./address.ts";
import { DEFAULTS, intervalsOf } from "./intervals.ts";
import type { Intervals } from "./session.ts";
import type { Bfd, BfdOptions, OnChange, SessionStatus, Watch, WatchOptions } from "./types.ts";
import { errorOf, type Order, type Report } from "./worker-messages.ts";

interface Entry {
  readonly path: string;
  readonly onChange: OnChange;
  status: SessionStatus;
}

const NOTHING_HEARD = {
  state: "down",
  diagnostic: "none",
  detectionTime: undefined,
  remoteState: undefined,
  remoteDiagnostic: undefined,
  remoteDiscriminator: undefined,
} as const;

/** BFD in another thread, which a blocked event loop of this one does not concern. */
export class RemoteBfd implements Bfd {
  readonly #worker: Worker;
  readonly #onError: (error: Error) => void;
  readonly #entries = new Map<number, Entry>();
  #discarded: ReadonlyMap<string, number> = new Map();
  #lastId = 0;
  #closed = false;
  /** Why there is no thread any more that was not asked to end. */
  #end: SocketError | undefined;

  constructor({ netns, onError = () => undefined }: BfdOptions, worker = startThread(netns)) {
    this.#onError = onError;
    this.#worker = worker;
    worker.on("message", (message: Report) => this.#hear(message));
    worker.on("error", onError);
    worker.on("exit", (code) => this.#ended(code));
  }

  get discarded(): ReadonlyMap<string, number> {
    return this.#discarded;
  }

  watch(options: WatchOptions, onChange: OnChange): Watch {
    if (this.#end !== undefined)
      throw new SocketError("ERR_CLOSED", "watch", "the thread of BFD has ended", { cause: this.#end });
    if (this.#closed) throw new TypeError("this BFD is closed");
    const { interface: device, ...rest } = options;
    const intervals = intervalsOf(DEFAULTS, options);
    const local = canonicalAddress(options.local, device);
    const remote = canonicalAddress(options.remote, device);
    const path = `${local} ${remote} ${device ?? ""}`;
    for (const entry of this.#entries.values())
      if (entry.path === path) throw new TypeError(`the path from ${local} to ${remote} is watched`);
    const id = (this.#lastId += 1);
    const entry = { path, onChange, status: unheard(local, remote, device, intervals) };
    this.#entries.set(id, entry);
    this.#order({ kind: "watch", id, options: { ...rest, interface: device } });
    return this.#watchOf(id, entry, intervals);
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

  #watchOf(id: number, entry: Entry, first: Intervals): Watch {
    let intervals = first;
    const close = (): void => {
      if (this.#entries.delete(id)) this.#order({ kind: "close", id });
    };
    return {
      get status() {
        return entry.status;
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
      // What could not be opened is not watched.
      if (message.id !== undefined) this.#entries.delete(message.id);
      this.#onError(errorOf(message.error));
      return;
    }
    const entry = this.#entries.get(message.id);
    if (entry === undefined) return;
    const { status } = message;
    entry.status = status;
    if (message.changed) entry.onChange(status.state, status.diagnostic, status);
  }

  /** Watches are told of no change: that we fail to look says nothing about a path. */
  #ended(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.status = { ...entry.status, ...NOTHING_HEARD };
    this.#entries.clear();
    const reason = `its thread ended with ${code}, and nothing is watched any more`;
    this.#end = new SocketError("ERR_CLOSED", "BFD", reason);
    this.#onError(this.#end);
  }
}

function startThread(netns: string | undefined): Worker {
  // Sources run as they are, and look for other packages' sources; what is built does neither.
  const source = import.meta.url.endsWith(".ts");
  return new Worker(new URL(source ? "./worker.ts" : "./worker.js", import.meta.url), {
    workerData: { netns },
    ...(source ? { execArgv: ["--conditions=@netloom/source"] } : {}),
  });
}

/** Before the thread has said anything. */
function unheard(
  local: string,
  remote: string,
  device: string | undefined,
  { transmitInterval }: Intervals,
): SessionStatus {
  return {
    ...{ local, remote, interface: device, discriminator: 0, ...NOTHING_HEARD },
    ...{ transmissionInterval: Math.max(1000, transmitInterval), sent: 0, received: 0, sendErrors: 0 },
  };
}
