import type { Clock } from "../clock.ts";
import type { Family } from "../wire/family.ts";

/** One family of what a peer is to be told. */
export interface Outgoing {
  readonly pending: number;
  /** More is to come, and then `onPending` is called: what is to be sent afterwards has to wait. */
  readonly loading: boolean;
  /** The next message; empty: not yet, ask again; `undefined`: there is none. */
  next(): Uint8Array | undefined;
  onPending: () => void;
}

export interface FlushOptions {
  readonly clock: Clock;
  /** Calls back in another turn of the event loop. */
  readonly defer: (turn: () => void) => void;
  readonly writable: () => boolean;
  readonly send: (message: Uint8Array) => void;
}

/** Milliseconds of work before others get their turn. */
const SLICE = 5;

/**
 * Sends what is pending for one peer, as fast as the peer takes it. All changes of one turn go together; what waits while
 * the peer is slow is no message yet but a mark at each prefix, so that nothing piles up.
 */
export class Flush {
  readonly #options: FlushOptions;
  readonly #outs = new Map<Family, { readonly out: Outgoing; last: (() => Uint8Array)[] }>();
  #due = false;
  #closed = false;

  constructor(options: FlushOptions) {
    this.#options = options;
  }

  add(family: Family, out: Outgoing): void {
    this.#outs.set(family, { out, last: [] });
    out.onPending = () => this.wake();
    this.wake();
  }

  /** Sends this once nothing is pending of the family any more: End-of-RIB and the like. */
  afterwards(family: Family, message: () => Uint8Array): void {
    this.#outs.get(family)?.last.push(message);
    this.wake();
  }

  /** There may be something to send, and room for it. */
  wake(): void {
    if (this.#due || this.#closed) return;
    this.#due = true;
    queueMicrotask(() => this.#run());
  }

  close(): void {
    this.#closed = true;
    for (const { out } of this.#outs.values()) out.onPending = () => {};
    this.#outs.clear();
  }

  #run(): void {
    this.#due = false;
    const { clock, defer, writable, send } = this.#options;
    const began = clock.monotonic();
    for (const entry of this.#outs.values()) {
      while (writable()) {
        const message = entry.out.next();
        if (message === undefined) {
          if (!entry.out.loading) for (const last of entry.last.splice(0)) send(last());
          break;
        }
        if (message.length > 0) send(message);
        if (clock.monotonic() - began < SLICE) continue;
        this.#due = true;
        return defer(() => {
          if (this.#closed) return;
          this.#run();
        });
      }
    }
  }
}
