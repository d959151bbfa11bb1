import type { Collection, RingReader } from "@netloom/bpf-loader";
import type { DatapathEvent } from "@netloom/core";
import { eventCodec, maps as definitions } from "@netloom/core/backend";
import { kernel } from "./errors.ts";

/** Events a consumer may lag behind before it loses the oldest. */
const MOST_WAITING = 65_536;

interface Consumer {
  waiting: DatapathEvent[];
  wake: (() => void) | undefined;
}

/** Reads the ring buffer while somebody listens, and tells everyone who does. */
export class EventHub implements Disposable {
  readonly #collection: Collection;
  readonly #pollMs: number;
  readonly #consumers = new Set<Consumer>();
  #reader: RingReader<DatapathEvent> | undefined;
  #lost = 0n;
  #closed = false;

  constructor(collection: Collection, pollMs: number) {
    this.#collection = collection;
    this.#pollMs = pollMs;
  }

  /** Events that consumers were too slow for. What found no room in the ring buffer is a metric. */
  get lost(): bigint {
    return this.#lost;
  }

  async *read(signal?: AbortSignal): AsyncGenerator<readonly DatapathEvent[], void, undefined> {
    const consumer: Consumer = { waiting: [], wake: undefined };
    const stop = (): void => consumer.wake?.();
    this.#consumers.add(consumer);
    this.#start();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      while (!this.#closed && signal?.aborted !== true) {
        if (consumer.waiting.length > 0) yield consumer.waiting.splice(0);
        else await new Promise<void>((resolve) => (consumer.wake = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#consumers.delete(consumer);
      if (this.#consumers.size === 0) this.#stop();
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#stop();
    for (const consumer of this.#consumers) consumer.wake?.();
  }

  #start(): void {
    if (this.#reader !== undefined || this.#closed) return;
    const ring = this.#collection.map(definitions.events);
    this.#reader = kernel("read events", () =>
      ring.reader((view, offset) => eventCodec.decode(view, offset), { pollMs: this.#pollMs }),
    );
    this.#reader.on((event) => this.#tell(event));
  }

  #stop(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  #tell(event: DatapathEvent): void {
    for (const consumer of this.#consumers) {
      if (consumer.waiting.length >= MOST_WAITING) {
        consumer.waiting.shift();
        this.#lost++;
      }
      consumer.waiting.push(event);
      consumer.wake?.();
      consumer.wake = undefined;
    }
  }
}
