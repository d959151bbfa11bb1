import { codecs, createMap, defineMap, type BpfMap } from "@netloom/bpf-loader";
import type { Contender } from "../lib/rounds.ts";
import { cpu } from "../lib/time.ts";
import { flowKey, flowValue, type FlowKey, type FlowValue } from "./flow-codec.ts";

/** As many as `peer.c` does. */
const OPERATIONS = 50_000;
const PREFIXES = 1024;
const PASSES = 16;

/** Rounds of work on maps: CPU nanoseconds for one operation each. */
export interface MapWork extends Disposable {
  readonly contenders: Readonly<Record<MapTask, Contender>>;
}

export type MapTask =
  | "get"
  | "getInto"
  | "set"
  | "replace"
  | "setMany"
  | "entries"
  | "setManyBytes"
  | "deleteManyBytes"
  | "trieSet"
  | "trieGet";

export function mapWork(): MapWork {
  const typed = createMap(
    { name: "typed", type: "hash", keySize: 16, valueSize: 24, maxEntries: 65_536 },
    defineMap({ name: "typed", type: "hash", key: flowKey, value: flowValue }),
  );
  const raw = createMap(
    { name: "raw", type: "hash", keySize: 16, valueSize: 24, maxEntries: 65_536 },
    defineMap({ name: "raw", type: "hash", key: codecs.bytes(16), value: codecs.bytes(24) }),
  );
  const trie = createMap(
    { name: "trie", type: "lpm_trie", keySize: 8, valueSize: 4, maxEntries: 4096, flags: 1 },
    defineMap({ name: "trie", type: "lpm_trie", key: codecs.bytes(8), value: codecs.u32 }),
  );
  return {
    contenders: { ...typedWork(typed), ...rawWork(raw), ...trieWork(trie) },
    [Symbol.dispose]() {
      for (const map of [typed, raw, trie]) map.close();
    },
  };
}

/** With objects for keys and values, as applications have them. */
function typedWork(
  map: BpfMap<FlowKey, FlowValue>,
): Record<"get" | "getInto" | "set" | "replace" | "setMany" | "entries", Contender> {
  const keys = Array.from({ length: OPERATIONS }, (_, at): FlowKey => ({
    saddr: at,
    daddr: 1,
    sport: 80,
    dport: 443,
    protocol: 6,
  }));
  const value: FlowValue = { packets: 1n, bytes: 2n, lifetime: 3, flags: 4 };
  const entries = keys.map((key) => [key, value] as const);
  const target = { ...value };
  map.setMany(entries);
  return {
    get: () =>
      cpu(OPERATIONS, () => {
        for (const key of keys) map.get(key);
      }),
    getInto: () =>
      cpu(OPERATIONS, () => {
        for (const key of keys) map.getInto(key, target);
      }),
    set: () =>
      cpu(OPERATIONS, () => {
        for (const key of keys) map.set(key, value);
      }),
    replace: () =>
      cpu(OPERATIONS, () => {
        for (const key of keys) {
          map.delete(key);
          map.set(key, value);
        }
      }),
    setMany: () => cpu(OPERATIONS, () => void map.setMany(entries)),
    entries: () =>
      cpu(OPERATIONS, () => {
        for (const entry of map) void entry;
      }),
  };
}

/** With bytes, as the peer has them. */
function rawWork(map: BpfMap<Uint8Array, Uint8Array>): Record<"setManyBytes" | "deleteManyBytes", Contender> {
  const keys = Array.from({ length: OPERATIONS }, (_, at) => {
    const key = new Uint8Array(16);
    new DataView(key.buffer).setUint32(0, at);
    return key;
  });
  const value = new Uint8Array(24);
  const entries = keys.map((key) => [key, value] as const);
  map.setMany(entries);
  return {
    setManyBytes: () => cpu(OPERATIONS, () => void map.setMany(entries)),
    deleteManyBytes() {
      const figure = cpu(OPERATIONS, () => void map.deleteMany(keys));
      map.setMany(entries);
      return figure;
    },
  };
}

function trieWork(map: BpfMap<Uint8Array, number>): Record<"trieSet" | "trieGet", Contender> {
  const prefixes = Array.from({ length: PREFIXES }, (_, at) =>
    Uint8Array.of(32, 0, 0, 0, 10, 0, at >> 8, at & 255),
  );
  return {
    trieSet: () =>
      cpu(PASSES * PREFIXES, () => {
        for (let pass = 0; pass < PASSES; pass++) for (const prefix of prefixes) map.set(prefix, 1);
      }),
    trieGet: () =>
      cpu(PASSES * PREFIXES, () => {
        for (let pass = 0; pass < PASSES; pass++) for (const prefix of prefixes) map.get(prefix);
      }),
  };
}
