import { UPDATE_FLAG } from "../abi.ts";
import type { Codec } from "../codec.ts";
import { BpfError, ERRNO } from "../errors.ts";
import { syscallError } from "../sys/bpf.ts";
import type { Fd } from "../sys/fd.ts";
import { BatchIo, NO_BATCH } from "./batch.ts";
import type { BatchWrite, Chunk } from "./batch.ts";
import { ElementIo } from "./element.ts";
import { MapHandle } from "./handle.ts";
import type { MapInfo } from "./info.ts";

export interface SetOptions {
  /** `create` fails if the key exists, `replace` if it does not. @defaultValue "any" */
  readonly if?: keyof typeof UPDATE_FLAG;
}

export interface IterateOptions {
  /** Elements to read at a time. @defaultValue as many as 256 KiB hold */
  readonly batch?: number;
}

export interface ScanOptions extends IterateOptions {
  /** Lets the event loop run after this many milliseconds of work. @defaultValue 5 */
  readonly yieldEveryMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * A hash, LRU hash, array or LPM trie, used like a `Map`. Calls are synchronous: one takes about half a microsecond.
 *
 * In a trie `get` and `has` find the longest prefix that matches the key; iteration shows what is stored.
 * Iterators read in batches, so an element changed meanwhile may show its old value.
 */
export class BpfMap<K, V> extends MapHandle implements Iterable<[K, V]> {
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #element: ElementIo;
  readonly #batch: BatchIo;

  /** @internal The codecs must have the sizes that the kernel reports; {@link openView} checks. */
  constructor(handle: Fd, info: MapInfo, key: Codec<K>, value: Codec<V>) {
    super(handle, info);
    this.#key = key;
    this.#value = value;
    this.#element = new ElementIo(handle, key.size, value.size);
    this.#batch = new BatchIo(handle, info, value.size);
  }

  /** The value, or undefined. A fresh object each time. */
  get(key: K): V | undefined {
    this.#key.encode(key, this.#element.key, 0);
    const result = this.#element.lookup();
    if (result < 0) return this.#absent("BPF_MAP_LOOKUP_ELEM", result);
    return this.#value.decode(this.#element.value, 0);
  }

  /** Reads into an existing object. False, and `target` untouched, if there is no such element. */
  getInto(key: K, target: V): boolean {
    this.#key.encode(key, this.#element.key, 0);
    const result = this.#element.lookup();
    if (result < 0) {
      this.#absent("BPF_MAP_LOOKUP_ELEM", result);
      return false;
    }
    if (this.#value.decodeInto !== undefined) this.#value.decodeInto(this.#element.value, 0, target);
    else if (typeof target === "object" && target !== null) {
      Object.assign(target, this.#value.decode(this.#element.value, 0));
    } else throw new TypeError("getInto needs an object to read into");
    return true;
  }

  has(key: K): boolean {
    this.#key.encode(key, this.#element.key, 0);
    const result = this.#element.lookup();
    if (result < 0) this.#absent("BPF_MAP_LOOKUP_ELEM", result);
    return result >= 0;
  }

  /**
   * @throws {@link BpfError} `ERR_MAP_FULL`; `ERR_SYSCALL` with EEXIST or ENOENT when `if` forbids it.
   * RangeError if key or value does not fit.
   */
  set(key: K, value: V, options?: SetOptions): this {
    this.#key.encode(key, this.#element.key, 0);
    this.#value.encode(value, this.#element.value, 0);
    const result = this.#element.update(options === undefined ? 0 : UPDATE_FLAG[options.if ?? "any"]);
    if (result < 0) throw this.#updateError("BPF_MAP_UPDATE_ELEM", -result);
    return this;
  }

  /** False if there was no such element. Array elements cannot be deleted. */
  delete(key: K): boolean {
    this.#key.encode(key, this.#element.key, 0);
    const result = this.#element.delete();
    if (result < 0) this.#absent("BPF_MAP_DELETE_ELEM", result);
    return result >= 0;
  }

  /** Deletes and returns: atomic in hash maps (kernel 5.14), in two steps elsewhere. */
  take(key: K): V | undefined {
    this.#key.encode(key, this.#element.key, 0);
    const result = this.#element.lookupAndDelete();
    if (result === -ERRNO.ENOTSUPP || result === -ERRNO.EOPNOTSUPP || result === -ERRNO.EINVAL) {
      const value = this.get(key);
      return value !== undefined && this.delete(key) ? value : undefined;
    }
    if (result < 0) return this.#absent("BPF_MAP_LOOKUP_AND_DELETE_ELEM", result);
    return this.#value.decode(this.#element.value, 0);
  }

  /**
   * Writes many elements in batches; returns how many.
   *
   * @throws {@link BpfError} `ERR_MAP_FULL`; the message says how many were written before.
   */
  setMany(entries: Iterable<readonly [K, V]>): number {
    return this.#writeMany("BPF_MAP_UPDATE_BATCH", entries, (chunk, index, [key, value]) => {
      this.#key.encode(key, chunk.keys.view, index * this.#key.size);
      this.#value.encode(value, chunk.values.view, index * this.#value.size);
    });
  }

  /** Deletes many elements in batches; returns how many there were. Missing ones are skipped. */
  deleteMany(keys: Iterable<K>): number {
    return this.#writeMany("BPF_MAP_DELETE_BATCH", keys, (chunk, index, key) => {
      this.#key.encode(key, chunk.keys.view, index * this.#key.size);
    });
  }

  /** Deletes what is there now; returns how many. An element added meanwhile may stay. */
  clear(): number {
    const { size } = this.#key;
    const copies: Uint8Array[] = [];
    for (const chunk of this.#chunks()) copies.push(chunk.keys.bytes.slice(0, chunk.count * size));
    const raw = copies.flatMap((keys) =>
      Array.from({ length: keys.byteLength / size }, (_, index) =>
        keys.subarray(index * size, (index + 1) * size),
      ),
    );
    return this.#writeMany("BPF_MAP_DELETE_BATCH", raw, (chunk, index, key) =>
      chunk.keys.bytes.set(key, index * size),
    );
  }

  /** How many elements there are: reads the whole map, for the kernel keeps no count. */
  count(): number {
    let count = 0;
    for (const chunk of this.#chunks()) count += chunk.count;
    return count;
  }

  *entries(options?: IterateOptions): Generator<[K, V], void> {
    for (const chunk of this.#chunks(options?.batch)) {
      for (let index = 0; index < chunk.count; index++) yield this.#entry(chunk, index);
    }
  }

  *keys(options?: IterateOptions): Generator<K, void> {
    for (const chunk of this.#chunks(options?.batch)) {
      for (let index = 0; index < chunk.count; index++) {
        yield this.#key.decode(chunk.keys.view, index * this.#key.size);
      }
    }
  }

  [Symbol.iterator](): Generator<[K, V], void> {
    return this.entries();
  }

  /** As `entries`, letting the event loop run in between: for maps of many thousand elements. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<[K, V], void> {
    const { yieldEveryMs = 5, signal } = options;
    let start = performance.now();
    for (const chunk of this.#chunks(options.batch)) {
      for (let index = 0; index < chunk.count; index++) {
        if ((index & 63) === 0 && performance.now() - start > yieldEveryMs) {
          await new Promise(setImmediate);
          start = performance.now();
        }
        signal?.throwIfAborted();
        yield this.#entry(chunk, index);
      }
    }
  }

  #entry(chunk: Chunk, index: number): [K, V] {
    return [
      this.#key.decode(chunk.keys.view, index * this.#key.size),
      this.#value.decode(chunk.values.view, index * this.#value.size),
    ];
  }

  /** All elements, in chunks. The caller may change the map between chunks; it always ends. */
  *#chunks(wanted?: number): Generator<Chunk, void> {
    const { type } = this.info();
    if (type === "hash" || type.startsWith("lru_") || type === "percpu_hash" || type.includes("array")) {
      if ((yield* this.#batch.read(wanted)) !== NO_BATCH) return;
    } else {
      // The cursor of the rest is a key. If that element is deleted, reading starts over, perhaps for ever:
      // so take everything before the caller can touch the map.
      const chunks: Chunk[] = [];
      const reader = this.#batch.read(wanted);
      let step = reader.next();
      for (; step.done !== true; step = reader.next()) chunks.push(this.#copy(step.value));
      yield* chunks;
      if (step.value !== NO_BATCH) return;
    }
    yield* this.#oneByOne();
  }

  #copy(chunk: Chunk): Chunk {
    const copy = this.#batch.chunk(chunk.count);
    copy.keys.bytes.set(chunk.keys.bytes.subarray(0, chunk.count * this.#key.size));
    copy.values.bytes.set(chunk.values.bytes.subarray(0, chunk.count * this.#value.size));
    copy.count = chunk.count;
    return copy;
  }

  /** Without batch commands: all keys first, for the same reason as above, then each value that is still there. */
  *#oneByOne(): Generator<Chunk, void> {
    const keys: Uint8Array[] = [];
    const limit = this.info().maxEntries * 2;
    for (
      let result = this.#element.nextKey(true);
      keys.length <= limit;
      result = this.#element.nextKey(false)
    ) {
      if (result === -ERRNO.ENOENT) break;
      if (result < 0) throw syscallError("BPF_MAP_GET_NEXT_KEY", -result, { object: this.handle.what });
      keys.push(new Uint8Array(this.#element.key.buffer.slice(0, this.#key.size)));
    }
    const chunk = this.#batch.chunk(1);
    chunk.count = 1;
    for (const key of keys) {
      new Uint8Array(this.#element.key.buffer).set(key);
      if (this.#element.lookup() < 0) continue;
      chunk.keys.bytes.set(key);
      chunk.values.bytes.set(new Uint8Array(this.#element.value.buffer));
      yield chunk;
    }
  }

  #writeMany<T>(
    command: BatchWrite,
    items: Iterable<T>,
    encode: (chunk: Chunk, index: number, item: T) => void,
  ): number {
    const size = this.#batch.chunkSize();
    const chunk = this.#batch.chunk(size);
    let done = 0;
    for (const item of items) {
      encode(chunk, chunk.count, item);
      if (++chunk.count === size) {
        done += this.#writeChunk(command, chunk, done);
        chunk.count = 0;
      }
    }
    return chunk.count > 0 ? done + this.#writeChunk(command, chunk, done) : done;
  }

  /** Returns how many elements were written or deleted. */
  #writeChunk(command: BatchWrite, chunk: Chunk, before: number): number {
    let done = 0;
    for (let from = 0; from < chunk.count;) {
      const result = this.#batch.write(command, chunk, from);
      if (result === NO_BATCH) return done + this.#writeSingly(command, chunk, from, before + done);
      done += result.done;
      from += result.done;
      if (result.errno === ERRNO.ENOENT && command === "BPF_MAP_DELETE_BATCH") from++;
      else if (result.errno > 0 && result.errno !== ERRNO.EINTR) {
        throw this.#updateError(command, result.errno, before + done);
      }
    }
    return done;
  }

  #writeSingly(command: BatchWrite, chunk: Chunk, from: number, before: number): number {
    let done = 0;
    const keyBytes = new Uint8Array(this.#element.key.buffer);
    const valueBytes = new Uint8Array(this.#element.value.buffer);
    for (let index = from; index < chunk.count; index++) {
      keyBytes.set(chunk.keys.bytes.subarray(index * this.#key.size, (index + 1) * this.#key.size));
      valueBytes.set(chunk.values.bytes.subarray(index * this.#value.size, (index + 1) * this.#value.size));
      const result = command === "BPF_MAP_UPDATE_BATCH" ? this.#element.update(0) : this.#element.delete();
      if (result >= 0) done++;
      else if (result !== -ERRNO.ENOENT || command === "BPF_MAP_UPDATE_BATCH") {
        throw this.#updateError(command, -result, before + done);
      }
    }
    return done;
  }

  /** ENOENT is an answer; the rest is thrown. */
  #absent(op: string, result: number): undefined {
    if (result === -ERRNO.ENOENT) return undefined;
    throw syscallError(op, -result, { object: this.handle.what });
  }

  #updateError(op: string, errno: number, written?: number): BpfError {
    const { type, maxEntries } = this.info();
    const after = written === undefined ? "" : ` after ${written} elements`;
    const full = type.includes("hash")
      ? errno === ERRNO.E2BIG
      : type === "lpm_trie" && errno === ERRNO.ENOSPC;
    if (full) {
      const message = `${this.handle.what} is full${after}: it holds at most ${maxEntries} elements`;
      return new BpfError("ERR_MAP_FULL", message, { op, errno, object: this.handle.what });
    }
    const beyond = errno === ERRNO.E2BIG ? `its indexes end at ${maxEntries - 1}` : undefined;
    return syscallError(op, errno, { object: `${this.handle.what}${after}`, hint: beyond });
  }
}
