import { u32 } from "../codec.ts";
import type { Codec } from "../codec.ts";
import type { Fd } from "../sys/fd.ts";
import { MapHandle } from "./handle.ts";
import type { MapInfo } from "./info.ts";
import { BpfMap } from "./map.ts";

/**
 * An array or hash of maps. Written with maps, read as their ids. The maps put in must match the template the outer
 * map was created with (since kernel 5.11 hashes may differ in `maxEntries`).
 */
export class MapOfMaps<K> extends MapHandle {
  readonly #slots: BpfMap<K, number>;

  /** @internal */
  constructor(handle: Fd, info: MapInfo, key: Codec<K>) {
    super(handle, info);
    this.#slots = new BpfMap(handle, info, key, u32);
  }

  /** The id of the map in a slot, for {@link openMapById}; undefined if the slot is empty. */
  get(key: K): number | undefined {
    return this.#slots.get(key);
  }

  has(key: K): boolean {
    return this.#slots.has(key);
  }

  /** Programs see the new map at once; the old one goes when nothing uses it any more. Waits for a grace period. */
  set(key: K, map: MapHandle): this {
    this.#slots.set(key, map.fd);
    return this;
  }

  /**
   * Many at once; returns how many. All of them share one grace period (kernel 6.8), of which {@link MapOfMaps.set}
   * takes one each: some ten milliseconds.
   *
   * @throws {@link BpfError} `ERR_MAP_FULL`; the message says how many were written before.
   */
  setMany(entries: Iterable<readonly [K, MapHandle]>): number {
    return this.#slots.setMany(Array.from(entries, ([key, map]) => [key, map.fd] as const));
  }

  delete(key: K): boolean {
    return this.#slots.delete(key);
  }

  keys(): Generator<K, void> {
    return this.#slots.keys();
  }

  /** Keys and ids of maps. */
  entries(): Generator<[K, number], void> {
    return this.#slots.entries();
  }

  [Symbol.iterator](): Generator<[K, number], void> {
    return this.entries();
  }
}

/**
 * The targets of tail calls. Written with programs, read as their ids. The kernel empties it when its last descriptor
 * and pin are gone, even while programs use it: keep it open, or pin it.
 */
export class ProgArray extends MapHandle {
  readonly #slots: BpfMap<number, number>;

  /** @internal */
  constructor(handle: Fd, info: MapInfo) {
    super(handle, info);
    this.#slots = new BpfMap(handle, info, u32, u32);
  }

  /** The id of the program in a slot; undefined if it is empty. */
  get(index: number): number | undefined {
    return this.#slots.get(index);
  }

  set(index: number, program: { readonly fd: number }): this {
    this.#slots.set(index, program.fd);
    return this;
  }

  delete(index: number): boolean {
    return this.#slots.delete(index);
  }

  /** Indexes and ids of the slots in use. */
  *entries(): Generator<[number, number], void> {
    const { maxEntries } = this.info();
    for (let index = 0; index < maxEntries; index++) {
      const id = this.#slots.get(index);
      if (id !== undefined) yield [index, id];
    }
  }

  [Symbol.iterator](): Generator<[number, number], void> {
    return this.entries();
  }
}
