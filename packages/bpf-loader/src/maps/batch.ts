import { ERRNO } from "../errors.ts";
import { Attr, syscallError, tryBpf } from "../sys/bpf.ts";
import type { Fd } from "../sys/fd.ts";
import { Memory } from "../sys/memory.ts";
import type { MapInfo } from "./info.ts";

const BATCH_ATTR_SIZE = 56;
/** Bytes of keys and values in a chunk of the default size: fits the second-level cache of any processor. */
const CHUNK_BYTES = 256 * 1024;

/** A run of elements as raw bytes, one after the other. */
export interface Chunk {
  readonly keys: Memory;
  readonly values: Memory;
  count: number;
}

export type BatchWrite = "BPF_MAP_UPDATE_BATCH" | "BPF_MAP_DELETE_BATCH";

/** Signals that the map type or the kernel has no batch commands: use single ones. */
export const NO_BATCH: unique symbol = Symbol("no batch commands");

/** The batch commands of one map (kernel 5.6; per-CPU arrays 5.13, tries 5.16). */
export class BatchIo {
  readonly #fd: Fd;
  readonly #info: MapInfo;
  readonly #valueSize: number;

  constructor(fd: Fd, info: MapInfo, valueSize: number) {
    this.#fd = fd;
    this.#info = info;
    this.#valueSize = valueSize;
  }

  /** How many elements to move at once, by default and at most. */
  chunkSize(wanted?: number): number {
    const size = wanted ?? Math.max(64, Math.floor(CHUNK_BYTES / (this.#info.keySize + this.#valueSize)));
    return Math.max(1, Math.min(size, this.#info.maxEntries));
  }

  chunk(size: number): Chunk {
    const { sys } = this.#fd;
    return {
      keys: new Memory(sys, size * this.#info.keySize),
      values: new Memory(sys, size * this.#valueSize),
      count: 0,
    };
  }

  /**
   * Reads the whole map. The chunk is valid until the next one is asked for. A hash map may show an element twice
   * or not at all if it comes or goes meanwhile; one that stays is shown.
   */
  *read(wanted?: number): Generator<Chunk, typeof NO_BATCH | undefined> {
    const { sys } = this.#fd;
    let size = this.chunkSize(wanted);
    let chunk = this.chunk(size);
    // The cursor is opaque: 4 bytes for hashes, a key for the rest.
    const cursor = new Memory(sys, Math.max(4, this.#info.keySize));
    // An unpreallocated or LRU hash can hold a little more than max_entries, all of it in one bucket.
    const limit = this.#info.maxEntries * 2 + 64;
    for (let first = true; ;) {
      const attr = new Attr(sys, BATCH_ATTR_SIZE)
        .pointer(0, first ? undefined : cursor)
        .pointer(8, cursor)
        .pointer(16, chunk.keys)
        .pointer(24, chunk.values)
        .u32(32, size)
        .u32(36, this.#fd.number);
      const errno = -tryBpf("BPF_MAP_LOOKUP_BATCH", attr);
      if (errno === ERRNO.ENOSPC && size < limit) {
        // One bucket holds more than a chunk: nothing was read and the cursor has not moved.
        size = Math.min(size * 2, limit);
        chunk = this.chunk(size);
        continue;
      }
      if (errno === ERRNO.EINTR || errno === ERRNO.EAGAIN) continue;
      if (first && (isMissing(errno) || errno === ERRNO.EINVAL)) return NO_BATCH;
      if (errno > 0 && errno !== ERRNO.ENOENT) {
        throw syscallError("BPF_MAP_LOOKUP_BATCH", errno, { object: this.#fd.what });
      }
      first = false;
      // The last chunk comes with ENOENT and may still hold elements.
      chunk.count = Math.min(attr.getU32(32), size);
      if (chunk.count > 0) yield chunk;
      if (errno === ERRNO.ENOENT) return undefined;
    }
  }

  /** Writes or deletes elements `from` to `count` of a chunk: how many were done, and the errno that stopped it. */
  write(command: BatchWrite, chunk: Chunk, from: number): { done: number; errno: number } | typeof NO_BATCH {
    const attr = new Attr(this.#fd.sys, BATCH_ATTR_SIZE)
      .u64(16, chunk.keys.address + from * this.#info.keySize)
      .u32(32, chunk.count - from)
      .u32(36, this.#fd.number);
    if (command === "BPF_MAP_UPDATE_BATCH") attr.u64(24, chunk.values.address + from * this.#valueSize);
    const errno = -tryBpf(command, attr);
    if (isMissing(errno)) return NO_BATCH;
    return { done: errno > 0 ? Math.min(attr.getU32(32), chunk.count - from) : chunk.count - from, errno };
  }
}

function isMissing(errno: number): boolean {
  return errno === ERRNO.ENOTSUPP || errno === ERRNO.EOPNOTSUPP;
}
