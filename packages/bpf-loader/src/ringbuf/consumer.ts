import type { Fd } from "../sys/fd.ts";
import { Mapping } from "../sys/mapping.ts";

const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;
const HEADER_SIZE = 8;
const LENGTH_MASK = 0x3fff_ffff;

/** Records after which the producer learns that there is room again. */
const PUBLISH_EVERY = 1024;

/** Receives one record; its bytes are at `offset` of `view` and change once the call returns. */
export type RecordSink = (view: DataView<ArrayBuffer>, offset: number, length: number) => void;

/**
 * The memory shared with the producers (`kernel/bpf/ringbuf.c`): a page with our position, a page with theirs, and
 * the data twice in a row, so that a record is never cut in two.
 */
export class RingConsumer {
  readonly #ours: Mapping;
  readonly #theirs: Mapping;
  readonly #consumer: BigInt64Array;
  readonly #producer: Int32Array;
  readonly #headers: Int32Array;
  readonly #data: DataView<ArrayBuffer>;
  readonly #mask: number;
  #position: number;
  #closed = false;

  constructor(fd: Fd, capacity: number) {
    const { pageSize } = fd.sys;
    this.#ours = new Mapping(fd, 0, pageSize, true);
    try {
      this.#theirs = new Mapping(fd, pageSize, pageSize + 2 * capacity, false);
    } catch (error) {
      this.#ours.close();
      throw error;
    }
    const { buffer } = this.#theirs.bytes;
    this.#consumer = new BigInt64Array(this.#ours.bytes.buffer, 0, 1);
    this.#producer = new Int32Array(buffer, 0, 1);
    this.#headers = new Int32Array(buffer, pageSize, capacity / 4);
    this.#data = new DataView(buffer, pageSize, 2 * capacity);
    this.#mask = capacity - 1;
    // Positions only grow; as a number they are exact for the first 2^53 bytes.
    this.#position = Number(Atomics.load(this.#consumer, 0));
  }

  /** Bytes that producers have reserved and we have not read. */
  get pending(): number {
    // Low halves suffice: the distance is at most the capacity, far below 2^32.
    return (Atomics.load(this.#producer, 0) - (this.#position | 0)) >>> 0;
  }

  /**
   * Hands over at most `limit` of the records there are now, so that a fast producer cannot keep us here for ever;
   * returns how many. What was handed over is released, also if `sink` throws or closes this.
   */
  consume(limit: number, sink: RecordSink): number {
    const end = this.#position + this.pending;
    let count = 0;
    try {
      while (count < limit && this.#position < end && !this.#closed) {
        const at = (this.#position & this.#mask) >>> 0;
        const header = Atomics.load(this.#headers, at >> 2) >>> 0;
        // Reserved but not yet submitted: what comes after must wait, for order is kept.
        if ((header & BUSY) !== 0) break;
        const length = header & LENGTH_MASK;
        this.#position += (length + HEADER_SIZE + 7) & ~7;
        if ((header & DISCARD) !== 0) continue;
        sink(this.#data, at + HEADER_SIZE, length);
        if (++count % PUBLISH_EVERY === 0) this.#publish();
      }
    } finally {
      this.#publish();
    }
    return count;
  }

  #publish(): void {
    if (!this.#closed) Atomics.store(this.#consumer, 0, BigInt(this.#position));
  }

  close(): void {
    this.#publish();
    this.#closed = true;
    this.#ours.close();
    this.#theirs.close();
  }
}
