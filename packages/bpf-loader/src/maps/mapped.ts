import { MAP_FLAG } from "../abi.ts";
import type { Codec } from "../codec.ts";
import { closedError } from "../sys/fd.ts";
import type { Fd } from "../sys/fd.ts";
import { Mapping } from "../sys/mapping.ts";
import type { BpfMap } from "./map.ts";

/**
 * An array map in this process's memory: reads and writes without a system call, a few nanoseconds each. There is
 * no lock, so a value wider than 8 bytes may be seen half written.
 */
export class MappedArray<V> implements Disposable {
  readonly length: number;
  readonly #mapping: Mapping;
  readonly #codec: Codec<V>;
  readonly #stride: number;
  readonly #what: string;

  /** @internal */
  constructor(handle: Fd, codec: Codec<V>, length: number) {
    this.length = length;
    this.#codec = codec;
    // The kernel keeps elements at multiples of 8 bytes (array_map_alloc).
    this.#stride = Math.ceil(codec.size / 8) * 8;
    this.#what = handle.what;
    this.#mapping = new Mapping(handle, 0, this.#stride * length, true);
  }

  /** @throws RangeError for an index outside the array; {@link BpfError} `ERR_CLOSED`. */
  get(index: number): V {
    return this.#codec.decode(this.#mapping.view, this.#offset(index));
  }

  set(index: number, value: V): void {
    this.#codec.encode(value, this.#mapping.view, this.#offset(index));
  }

  #offset(index: number): number {
    if (this.#mapping.closed) throw closedError(this.#what);
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`index ${index} is outside an array of ${this.length}`);
    }
    return index * this.#stride;
  }

  close(): void {
    this.#mapping.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Maps an array created with `BPF_F_MMAPABLE` into memory. The view outlives the descriptor of the map.
 *
 * @throws TypeError if the map is no such array or the codec has another size.
 */
export function mapArray<V>(map: BpfMap<unknown, unknown>, codec: Codec<V>): MappedArray<V> {
  const info = map.info();
  if (info.type !== "array" || (info.flags & MAP_FLAG.MMAPABLE) === 0) {
    throw new TypeError(`map ${info.name} is not an array with BPF_F_MMAPABLE`);
  }
  if (codec.size !== info.valueSize) {
    throw new TypeError(`map ${info.name} has values of ${info.valueSize} bytes, the codec ${codec.size}`);
  }
  return new MappedArray(map.handle, codec, info.maxEntries);
}
