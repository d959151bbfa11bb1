import { bytes } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { RingBuffer } from "../ringbuf/ring-buffer.ts";
import type { Fd } from "../sys/fd.ts";
import { compareDef, mismatchError } from "./compare.ts";
import { MapOfMaps, ProgArray } from "./containers.ts";
import type { KeyOf, MapDef, ValueOf } from "./def.ts";
import { readMapInfo } from "./info.ts";
import type { MapInfo } from "./info.ts";
import { BpfMap } from "./map.ts";
import { PerCpuMap } from "./percpu.ts";

/** The class that serves a definition. */
export type MapOf<D extends MapDef> = D extends { readonly type: "ringbuf" }
  ? RingBuffer
  : D extends { readonly type: "prog_array" }
    ? ProgArray
    : D extends { readonly type: "hash_of_maps" | "array_of_maps" }
      ? MapOfMaps<KeyOf<D>>
      : D extends { readonly type: "percpu_hash" | "percpu_array" | "lru_percpu_hash" }
        ? PerCpuMap<KeyOf<D>, ValueOf<D>>
        : BpfMap<KeyOf<D>, ValueOf<D>>;

/** A map of any kind, its keys and values as bytes: narrow it with `instanceof`. */
export type AnyMap =
  | BpfMap<Uint8Array, Uint8Array>
  | PerCpuMap<Uint8Array, Uint8Array>
  | MapOfMaps<Uint8Array>
  | ProgArray
  | RingBuffer;

/**
 * Puts the right class around a descriptor. Sizes are those that the kernel reports, never only those of the
 * definition: a buffer that is too small would let the kernel write past it.
 *
 * @throws {@link BpfError} `ERR_PIN_LAYOUT` if the map is not what the definition says.
 */
export function openView<D extends MapDef>(fd: Fd, def: D, path?: string): MapOf<D> {
  const info = readMapInfo(fd);
  const mismatch = compareDef(fd.sys, def, info);
  if (mismatch !== undefined) throw mismatchError(mismatch, path);
  return makeView(fd, info, def.key, def.value) as MapOf<D>;
}

/** As {@link openView}, with bytes for keys and values. */
export function openRawView(fd: Fd): AnyMap {
  const info = readMapInfo(fd);
  return makeView(fd, info, bytes(info.keySize), bytes(info.valueSize));
}

function makeView<K, V>(
  fd: Fd,
  info: MapInfo,
  key: Codec<K>,
  value: Codec<V>,
): BpfMap<K, V> | PerCpuMap<K, V> | MapOfMaps<K> | ProgArray | RingBuffer {
  switch (info.type) {
    case "ringbuf":
      return new RingBuffer(fd, info);
    case "prog_array":
      return new ProgArray(fd, info);
    case "array_of_maps":
    case "hash_of_maps":
      return new MapOfMaps(fd, info, key);
    case "percpu_array":
    case "percpu_hash":
    case "lru_percpu_hash":
      return new PerCpuMap(fd, info, key, value);
    default:
      return new BpfMap(fd, info, key, value);
  }
}
