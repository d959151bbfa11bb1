import type { AbortOptions, DatapathEvent } from "@netloom/core";
import { eventCodec, Limits } from "@netloom/core/backend";

/** The kernel puts a header of eight bytes before each record of a ring buffer. */
const MOST_UNREAD = Math.floor(Limits.LIMIT_EVENT_BYTES / (eventCodec.size + 8));

interface Consumer {
  waiting: DatapathEvent[];
  wake: () => void;
}

/** Events wait here until somebody reads them; where there is no room for one, it is lost, and counted. */
export class EventRing {
  readonly #lost: () => void;
  readonly #consumers = new Set<Consumer>();
  #unread: DatapathEvent[] = [];
  readonly #taps = new Set<DatapathEvent[]>();
  #closing = new AbortController();

  constructor(lost: () => void) {
    this.#lost = lost;
  }

  push(event: DatapathEvent): void {
    for (const tap of this.#taps) tap.push(event);
    if (this.#consumers.size === 0) {
      if (this.#unread.length < MOST_UNREAD) this.#unread.push(event);
      else this.#lost();
      return;
    }
    for (const consumer of this.#consumers) {
      if (consumer.waiting.length < MOST_UNREAD) consumer.waiting.push(event);
      else this.#lost();
      consumer.wake();
    }
  }

  /** Listens in, until the function it returns is called for what came. Readers get it all the same. */
  tap(): () => readonly DatapathEvent[] {
    const tap: DatapathEvent[] = [];
    this.#taps.add(tap);
    return () => {
      this.#taps.delete(tap);
      return tap;
    };
  }

  /** Takes what nobody has read. */
  take(): readonly DatapathEvent[] {
    const events = this.#unread;
    this.#unread = [];
    return events;
  }

  /** From the call on, with what nobody has read before. Ends when aborted or closed. */
  read({ signal }: AbortOptions = {}): AsyncIterable<readonly DatapathEvent[]> {
    const consumer: Consumer = { waiting: this.#unread, wake: () => undefined };
    this.#unread = [];
    this.#consumers.add(consumer);
    const closing = this.#closing.signal;
    return this.#batches(consumer, signal === undefined ? closing : AbortSignal.any([signal, closing]));
  }

  /** Ends whoever reads. */
  close(): void {
    this.#closing.abort();
    this.#closing = new AbortController();
  }

  async *#batches(
    consumer: Consumer,
    signal: AbortSignal,
  ): AsyncGenerator<readonly DatapathEvent[], void, undefined> {
    const stop = (): void => consumer.wake();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        if (consumer.waiting.length === 0) {
          await new Promise<void>((resolve) => (consumer.wake = resolve));
          continue;
        }
        const batch = consumer.waiting;
        consumer.waiting = [];
        yield batch;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#consumers.delete(consumer);
    }
  }
}
