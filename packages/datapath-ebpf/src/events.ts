import type { RingBuffer, RingReader } from "@netloom/bpf-loader";
import type { DatapathEvent } from "@netloom/core";
import { eventCodec } from "@netloom/core/backend";
import { kernel } from "./errors.ts";

/** Events a consumer may lag behind before it loses the oldest. */
const MOST_WAITING = 65_536;

interface Consumer {
  batches: (readonly DatapathEvent[])[];
  waiting: number;
  wake: () => void;
}

/** Reads the ring buffer while somebody listens, and tells everyone who does. */
export class EventHub implements Disposable {
  readonly #ring: RingBuffer;
  readonly #pollMs: number;
  readonly #consumers = new Set<Consumer>();
  #reader: RingReader<DatapathEvent> | undefined;
  #unread = 0n;
  #closed = false;

  constructor(ring: RingBuffer, pollMs: number) {
    this.#ring = ring;
    this.#pollMs = pollMs;
  }

  /** Events that consumers were too slow for. What found no room in the ring buffer is counted in the kernel. */
  get unread(): bigint {
    return this.#unread;
  }

  /** From the call on, not from the first time that somebody asks for a batch. */
  read(signal?: AbortSignal): AsyncIterable<readonly DatapathEvent[]> {
    const consumer: Consumer = { batches: [], waiting: 0, wake: () => undefined };
    this.#consumers.add(consumer);
    this.#start();
    return this.#batches(consumer, signal);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#stop();
    for (const consumer of this.#consumers) consumer.wake();
  }

  async *#batches(
    consumer: Consumer,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly DatapathEvent[], void, undefined> {
    const stop = (): void => consumer.wake();
    const over = (): boolean => this.#closed || signal?.aborted === true;
    signal?.addEventListener("abort", stop, { once: true });
    try {
      while (!over()) {
        const batch = consumer.batches.shift();
        if (batch === undefined) {
          await new Promise<void>((resolve) => (consumer.wake = resolve));
          continue;
        }
        consumer.waiting -= batch.length;
        yield batch;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#consumers.delete(consumer);
      if (this.#consumers.size === 0) this.#stop();
    }
  }

  #start(): void {
    if (this.#reader !== undefined || this.#closed) return;
    const reader = kernel("read events", () =>
      this.#ring.reader((view, offset) => eventCodec.decode(view, offset), { pollMs: this.#pollMs }),
    );
    this.#reader = reader;
    void this.#pump(reader);
  }

  /** Ends when the reader is closed; nothing in it throws. */
  async #pump(reader: RingReader<DatapathEvent>): Promise<void> {
    for await (const batch of reader) for (const consumer of this.#consumers) this.#tell(consumer, batch);
  }

  #tell(consumer: Consumer, batch: readonly DatapathEvent[]): void {
    consumer.batches.push(batch);
    consumer.waiting += batch.length;
    while (consumer.waiting > MOST_WAITING) {
      const oldest = consumer.batches.shift()?.length ?? 0;
      consumer.waiting -= oldest;
      this.#unread += BigInt(oldest);
    }
    consumer.wake();
  }

  #stop(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
