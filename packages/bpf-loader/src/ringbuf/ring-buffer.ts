import { MapHandle } from "../maps/handle.ts";
import { RingReader } from "./reader.ts";
import type { ReaderOptions, RecordDecoder } from "./reader.ts";

/** Decodes nothing: the bytes of a record, copied. */
const copyBytes: RecordDecoder<Uint8Array> = (view, offset, length) =>
  new Uint8Array(view.buffer, view.byteOffset + offset, length).slice();

/** A ring buffer through which programs send records (kernel 5.8). It has one reader at a time. */
export class RingBuffer extends MapHandle {
  /** Bytes of records it can hold. */
  get capacity(): number {
    return this.info().maxEntries;
  }

  /**
   * Starts reading, with each record as a copy of its bytes or as `decode` makes of it. Closing the map closes the
   * reader.
   *
   * @throws Error while another reader is open; {@link BpfError} `ERR_CLOSED`, `ERR_SYSCALL`.
   */
  reader(options?: ReaderOptions): RingReader<Uint8Array>;
  reader<E>(decode: RecordDecoder<E>, options?: ReaderOptions): RingReader<E>;
  reader(
    first: RecordDecoder<unknown> | ReaderOptions = {},
    second: ReaderOptions = {},
  ): RingReader<unknown> {
    const [decode, options] = typeof first === "function" ? [first, second] : [copyBytes, first];
    return new RingReader(this.handle, this.capacity, decode, options);
  }
}
