import type { Datapath, DatapathMaps } from "@netloom/core";
import { memoryDatapath } from "@netloom/core/memory";

function altered<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(inner, property) {
      const own = Reflect.get(changes, property) as unknown;
      if (own !== undefined) return own;
      const value = Reflect.get(inner, property, inner) as unknown;
      return typeof value === "function" ? (value as (...of: unknown[]) => unknown).bind(inner) : value;
    },
  });
}

function withMaps(change: (maps: DatapathMaps) => Partial<DatapathMaps>): Datapath {
  const datapath = memoryDatapath();
  const maps = { ...datapath.maps, ...change(datapath.maps) };
  return altered<Datapath>(datapath, { maps });
}

/** #19996, #29571: the end of an old owner takes the row of the new one along. */
export function deletesWithoutOwner(): Datapath {
  return withMaps(({ ipcache }) => ({
    ipcache: altered(ipcache, {
      set(key, value) {
        const old = ipcache.get(key);
        ipcache.set(key, value);
        if (old !== undefined && old.identity !== value.identity) ipcache.delete(key);
      },
    }),
  }));
}

/** #27210, #24502: the numbers of prefixes are not found again after a restart. */
export function forgetsPrefixes(): Datapath {
  return withMaps(({ ipcachePrefixes }) => ({
    ipcachePrefixes: altered(ipcachePrefixes, { entries: () => [] }),
  }));
}

/** A table that takes fewer entries than it says, and does not tell (I19). */
export function dropsSilently(): Datapath {
  return withMaps(({ policy }) => ({
    policy: altered(policy, {
      set(key, value) {
        if (value.deny === 0 || key.policy === 0) policy.set(key, value);
      },
    }),
  }));
}
