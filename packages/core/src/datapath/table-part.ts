import type { TypedMap } from "../ports/datapath.ts";

/** Some entries of a table, as a table: what else is in it is not seen. */
export function partOf<K, V>(table: TypedMap<K, V>, belongs: (key: K) => boolean): TypedMap<K, V> {
  return {
    name: table.name,
    maxEntries: table.maxEntries,
    get: (key) => (belongs(key) ? table.get(key) : undefined),
    set: (key, value) => table.set(key, value),
    delete: (key) => belongs(key) && table.delete(key),
    *entries() {
      for (const entry of table.entries()) if (belongs(entry[0])) yield entry;
    },
    setMany: (entries) => table.setMany(entries),
    deleteMany: (keys) => table.deleteMany(keys),
  };
}
