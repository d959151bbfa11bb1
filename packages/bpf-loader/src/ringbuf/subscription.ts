import type { PollHandle } from "../sys/sys.ts";

/** Takes records; true if it stopped at its budget, so that more may be there. */
export type Ready = () => boolean;

/** A poll handle that asks every so often, and again at once while there is more. */
export function timer(ms: number, onReady: Ready): PollHandle {
  let open = true;
  const tick = (): void => {
    if (open && onReady()) setImmediate(tick);
  };
  const interval = setInterval(tick, ms);
  return {
    ref: () => void interval.ref(),
    unref: () => void interval.unref(),
    close: () => {
      open = false;
      clearInterval(interval);
    },
  };
}

/** A running {@link RingReader.on}. Closing it leaves the reader open. */
export class Subscription implements Disposable {
  readonly #start: (onReady: Ready) => () => void;
  readonly #take: Ready;
  readonly #abort = (): void => this.close();
  readonly #signal: AbortSignal | undefined;
  #stop: (() => void) | undefined;
  #closed = false;

  /** @internal */
  constructor(start: (onReady: Ready) => () => void, take: Ready, signal: AbortSignal | undefined) {
    this.#start = start;
    this.#take = take;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    this.resume();
  }

  /** Records wait in the kernel until `resume`, and are lost once it is full. */
  pause(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  resume(): void {
    if (this.#closed || this.#stop !== undefined) return;
    // Level-triggered: what a budget leaves behind makes the next round of the event loop call again.
    this.#stop = this.#start(() => this.#stop !== undefined && this.#take());
  }

  close(): void {
    this.#closed = true;
    this.pause();
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
