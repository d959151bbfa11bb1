import {
  createMap,
  openMapById,
  type BpfMap,
  type Collection,
  type MapDef,
  type MapOfMaps,
} from "@netloom/bpf-loader";
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

/** One small array for each service, put in its place whole: a flow sees the old table or the new one. */
class KernelMaglev implements MaglevMap {
  readonly maxEntries: number;
  readonly #outer: MapOfMaps<number>;

  constructor(collection: Collection) {
    this.#outer = collection.map(definitions.maglev);
    this.maxEntries = this.#outer.info().maxEntries;
  }

  set(service: number, table: Uint16Array): void {
    const { inner } = definitions.maglev;
    kernel("write maglev", () => {
      using map = createMap({ ...inner, name: "maglev_table", type: "array" }, inner);
      const bytes = new Uint8Array(inner.valueSize);
      const view = new DataView(bytes.buffer);
      for (const [slot, backend] of table.entries()) view.setUint16(slot * 2, backend, true);
      map.set(0, bytes);
      this.#outer.set(service, map);
    });
  }

  delete(service: number): void {
    kernel("write maglev", () => this.#outer.delete(service));
  }

  get(service: number): Uint16Array | undefined {
    return kernel("read maglev", () => {
      const id = this.#outer.get(service);
      if (id === undefined) return undefined;
      using map = openMapById(id, definitions.maglev.inner);
      const bytes = map.get(0)!;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      return Uint16Array.from({ length: Limits.MAGLEV_SLOTS }, (_, slot) => view.getUint16(slot * 2, true));
    });
  }
}
