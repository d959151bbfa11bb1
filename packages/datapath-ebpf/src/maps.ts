import type { BpfMap, Codec, Collection, MapDef } from "@netloom/bpf-loader";
import type { DatapathMaps, MaglevMap, TypedMap } from "@netloom/core";
import { Limits, maps as definitions } from "@netloom/core/backend";
import { kernel } from "./errors.ts";

/** The kernel's maps as core's ports want them. */
export function openMaps(collection: Collection): DatapathMaps {
  const typed = <K, V>(definition: MapDef<K, V>): TypedMap<K, V> => {
    const map = collection.map(definition);
    return new KernelMap(definition.name, map.info().maxEntries, map);
  };
  return {
    endpoints: typed(definitions.endpoints),
    ipcache: typed(definitions.ipcache),
    ipcachePrefixes: typed(definitions.ipcachePrefixes),
    policy: typed(definitions.policy),
    services: typed(definitions.services),
    backends: typed(definitions.backends),
    maglev: new KernelMaglev(collection),
    settings: typed(definitions.settings),
    conntrack: typed(definitions.conntrack),
    nat: typed(definitions.nat),
  };
}

class KernelMap<K, V> implements TypedMap<K, V> {
  readonly name: string;
  readonly maxEntries: number;
  readonly #map: BpfMap<K, V>;

  constructor(name: string, maxEntries: number, map: BpfMap<K, V>) {
    this.name = name;
    this.maxEntries = maxEntries;
    this.#map = map;
  }

  get(key: K): V | undefined {
    return kernel(`read ${this.name}`, () => this.#map.get(key));
  }

  set(key: K, value: V): void {
    kernel(`write ${this.name}`, () => this.#map.set(key, value));
  }

  delete(key: K): boolean {
    return kernel(`write ${this.name}`, () => this.#map.delete(key));
  }

  *entries(): Generator<readonly [K, V], void, undefined> {
    yield* this.#map.entries();
  }

  setMany(entries: readonly (readonly [K, V])[]): void {
    kernel(`write ${this.name}`, () => this.#map.setMany(entries));
  }

  deleteMany(keys: readonly K[]): void {
    kernel(`write ${this.name}`, () => this.#map.deleteMany(keys));
  }
}

/** A table as its bytes are, without an object for each. */
const tableCodec: Codec<Uint16Array> = {
  size: definitions.maglev.valueSize,
  encode(table, view, offset) {
    for (let slot = 0; slot < Limits.MAGLEV_SLOTS; slot++) {
      view.setUint16(offset + slot * 2, table[slot] ?? 0, true);
    }
  },
  decode(view, offset) {
    return Uint16Array.from({ length: Limits.MAGLEV_SLOTS }, (_, slot) =>
      view.getUint16(offset + slot * 2, true),
    );
  },
};

/** One table for each service, replaced whole: a flow sees the old one or the new one. */
class KernelMaglev implements MaglevMap {
  readonly maxEntries: number;
  readonly #map: BpfMap<number, Uint16Array>;

  constructor(collection: Collection) {
    this.#map = collection.map({ ...definitions.maglev, value: tableCodec });
    this.maxEntries = this.#map.info().maxEntries;
  }

  set(service: number, table: Uint16Array): void {
    kernel("write maglev", () => this.#map.set(service, table));
  }

  delete(service: number): void {
    kernel("write maglev", () => this.#map.delete(service));
  }

  get(service: number): Uint16Array | undefined {
    return kernel("read maglev", () => this.#map.get(service));
  }
}
