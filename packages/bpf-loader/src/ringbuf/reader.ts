import { closedError } from "../sys/fd.ts";
import type { Fd } from "../sys/fd.ts";
import type { PollHandle } from "../sys/sys.ts";
import { RingConsumer } from "./consumer.ts";
import { Subscription, timer } from "./subscription.ts";
import type { Ready } from "./subscription.ts";

/**
 * Makes an event of the bytes of a record. They are shared with the kernel: read them, do not keep the view, and do
 * not write (the memory is read-only, and the process would end).
 */
export type RecordDecoder<E> = (view: DataView, offset: number, length: number) => E;

export interface ReaderOptions {
  /**
   * Look for records every so many milliseconds instead of waiting to be woken: for producers that submit with
   * `BPF_RB_NO_WAKEUP`. Needed if only some do, too: the kernel announces no record behind one that is unread.
   */
  readonly pollMs?: number;
  /** Records to take before the event loop gets its turn. @defaultValue 8192 */
  readonly budget?: number;
  /** Reads the program's own counter of records that found no room: the kernel keeps none. See `lost`. */
  readonly lost?: () => bigint | number;
  /** Whether waiting for records keeps the process alive. @defaultValue true */
  readonly ref?: boolean;
  /** Closes the reader; a `for await` over it then throws the reason. */
  readonly signal?: AbortSignal;
}

export interface ListenOptions {
  /** @defaultValue that of the reader */
  readonly budget?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_BUDGET = 8192;

/** Maps that have a reader: there is one consumer position, which two would tear apart. */
const beingRead = new WeakSet<Fd>();

/** Reads a ring buffer in one of three ways: `for await`, `on`, or `drain`. One of the first two at a time. */
export class RingReader<E> implements AsyncIterable<E[]>, Disposable {
  readonly #fd: Fd;
  readonly #consumer: RingConsumer;
  readonly #decode: RecordDecoder<E>;
  readonly #options: ReaderOptions;
  readonly #lostBefore: bigint;
  readonly #close = (): void => this.close();
  readonly #independent: () => void;
  #watch: PollHandle | undefined;
  #wake: (() => void) | undefined;
  #delivered = 0;
  #closed = false;

  /** @internal */
  constructor(fd: Fd, capacity: number, decode: RecordDecoder<E>, options: ReaderOptions) {
    this.#fd = fd;
    this.#decode = decode;
    this.#options = options;
    this.#lostBefore = BigInt(options.lost?.() ?? 0);
    options.signal?.throwIfAborted();
    if (beingRead.has(fd)) throw new Error(`${fd.what} has a reader already; close it first`);
    this.#consumer = new RingConsumer(fd, capacity);
    beingRead.add(fd);
    // The event loop may not go on polling a descriptor that is closed: its number may soon be another's.
    this.#independent = fd.onClose(this.#close);
    options.signal?.addEventListener("abort", this.#close);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Records read so far. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Records that found no room since this reader started, as the option `lost` counts them; 0 without it. */
  get lost(): bigint {
    return BigInt(this.#options.lost?.() ?? 0) - this.#lostBefore;
  }

  /** Bytes waiting to be read, headers included. */
  get pending(): number {
    this.#check();
    return this.#consumer.pending;
  }

  /** Takes what is there now, at most `limit` records, without waiting. */
  drain(limit: number = Number.POSITIVE_INFINITY): E[] {
    const events: E[] = [];
    this.consume((event) => events.push(event), limit);
    return events;
  }

  /**
   * As `drain`, handing over each record; returns how many. Records handed over are gone even if `handler` throws,
   * which may also close the reader.
   */
  consume(handler: (event: E) => void, limit: number = Number.POSITIVE_INFINITY): number {
    this.#check();
    const before = this.#delivered;
    this.#consumer.consume(limit, (view, offset, length) => {
      this.#delivered++;
      handler(this.#decode(view, offset, length));
    });
    return this.#delivered - before;
  }

  /** Batches of at most `budget` records, until the reader is closed. While nobody asks, records wait in the kernel. */
  async *[Symbol.asyncIterator](): AsyncGenerator<E[], void> {
    const budget = this.#options.budget ?? DEFAULT_BUDGET;
    while (!this.#closed) {
      const batch = this.drain(budget);
      if (batch.length > 0) yield batch;
      if (batch.length === budget) await new Promise(setImmediate);
      else await this.#readable();
    }
    this.#options.signal?.throwIfAborted();
  }

  /** Calls `handler` for each record, at most `budget` of them before other work gets its turn. */
  on(handler: (event: E) => void, options: ListenOptions = {}): Subscription {
    this.#check();
    options.signal?.throwIfAborted();
    const budget = options.budget ?? this.#options.budget ?? DEFAULT_BUDGET;
    return new Subscription(
      (onReady) => this.#wait(onReady),
      () => !this.#closed && this.consume(handler, budget) === budget,
      options.signal,
    );
  }

  /** Ends reading and iteration. Unread records stay for the next reader. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.signal?.removeEventListener("abort", this.#close);
    this.#independent();
    beingRead.delete(this.#fd);
    this.#consumer.close();
    this.#watch?.close();
    this.#watch = undefined;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(): void {
    if (this.#closed) throw closedError(`the reader of ${this.#fd.what}`);
  }

  /** Resolves when there may be records, or the reader is closed. */
  async #readable(): Promise<void> {
    if (this.#closed) return;
    let stop: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      stop = this.#wait(() => {
        resolve();
        return false;
      });
    });
    stop?.();
  }

  /** Calls back while there may be records, until the function it returns is called. */
  #wait(onReady: Ready): () => void {
    const { pollMs, ref = true } = this.#options;
    if (this.#watch !== undefined)
      throw new Error(`the reader of ${this.#fd.what} is waiting already, elsewhere`);
    const handle =
      pollMs === undefined
        ? this.#fd.sys.poll(this.#fd.number, () => void onReady())
        : timer(pollMs, onReady);
    if (!ref) handle.unref();
    this.#watch = handle;
    return () => {
      handle.close();
      if (this.#watch === handle) this.#watch = undefined;
    };
  }
}
