import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as fc from "fast-check";
import {
  BpfMap,
  MapOfMaps,
  PerCpuMap,
  ProgArray,
  RingBuffer,
  codecs,
  createMap,
  defineMap,
  load,
  mapArray,
  openMapById,
} from "@netloom/bpf-loader";
import type { Collection, MapSpec } from "@netloom/bpf-loader";
import { linuxSys } from "../src/sys/linux.ts";
import { privileged } from "./fixtures.ts";
import { objectSpec } from "./objects.ts";

const { u32, u64, bytes } = codecs;

function numbers(spec: Partial<MapSpec> = {}): BpfMap<number, bigint> {
  const type = "hash" as const;
  return createMap(
    { name: "numbers", type, keySize: 4, valueSize: 8, maxEntries: 1000, ...spec },
    defineMap({ name: "numbers", type, key: u32, value: u64 }),
  );
}

describe.skipIf(!privileged)("a hash map", () => {
  it("is used like a Map", () => {
    using map = numbers();
    expect(map.get(1)).toBeUndefined();
    expect(map.set(1, 10n).set(2, 20n).get(1)).toBe(10n);
    expect(map.has(2)).toBe(true);
    expect(map.delete(2)).toBe(true);
    expect(map.delete(2)).toBe(false);
    expect(map.has(2)).toBe(false);
    expect(map.take(1)).toBe(10n);
    expect(map.take(1)).toBeUndefined();
    expect([...map]).toEqual([]);
    expect(map.count()).toBe(0);
  });

  it("creates or replaces only, if told so", () => {
    using map = numbers();
    map.set(1, 1n, { if: "create" });
    expect(() => map.set(1, 2n, { if: "create" })).toThrow(
      expect.objectContaining({ code: "ERR_SYSCALL", errno: 17 }),
    );
    map.set(1, 2n, { if: "replace" });
    expect(() => map.set(9, 2n, { if: "replace" })).toThrow(expect.objectContaining({ errno: 2 }));
    map.set(9, 3n);
    expect(map.get(9)).toBe(3n);
  });

  it("says when it is full, and how far it got", () => {
    using map = numbers({ maxEntries: 10 });
    expect(map.setMany(Array.from({ length: 10 }, (_, key) => [key, 0n] as const))).toBe(10);
    expect(() => map.set(99, 0n)).toThrow(expect.objectContaining({ code: "ERR_MAP_FULL", errno: 7 }));
    map.clear();
    const many = Array.from({ length: 12 }, (_, key) => [key, 0n] as const);
    expect(() => map.setMany(many)).toThrow("is full after 10 elements: it holds at most 10 elements");
  });

  it("reads into an object without making one", () => {
    using map = createMap(
      { name: "bytes", type: "hash", keySize: 4, valueSize: 6, maxEntries: 4 },
      defineMap({ name: "bytes", type: "hash", key: u32, value: bytes(6) }),
    );
    map.set(1, new Uint8Array([1, 2, 3, 4, 5, 6]));
    const target = new Uint8Array(6);
    expect(map.getInto(1, target)).toBe(true);
    expect(target).toEqual(new Uint8Array([1, 2, 3, 4, 5, 6]));
    expect(map.getInto(2, target)).toBe(false);
    expect(() => map.getInto(1, new Uint8Array(5))).toThrow(RangeError);
    expect(() => map.set(1, new Uint8Array(5))).toThrow(RangeError);
    expect(map.get(1)).not.toBe(map.get(1));
  });

  it("moves many elements in batches", () => {
    using map = numbers({ maxEntries: 20_000 });
    const entries = Array.from({ length: 15_000 }, (_, key) => [key, BigInt(key) * 2n] as const);
    expect(map.setMany(entries)).toBe(15_000);
    expect(new Map(map)).toEqual(new Map(entries));
    expect(new Set(map.keys())).toEqual(new Set(entries.map(([key]) => key)));
    expect(map.count()).toBe(15_000);
    // Missing ones, also at both ends of a batch, are skipped.
    expect(map.deleteMany([99_999, ...Array.from({ length: 10_000 }, (_, key) => key), 50_000, 3])).toBe(
      10_000,
    );
    expect(map.count()).toBe(5000);
    expect(map.clear()).toBe(5000);
    expect(map.clear()).toBe(0);
  });

  it.each([1, 2, 3, 7])("is read whole although buckets hold more than a chunk of %i", (batch) => {
    // 1,000 elements in 1,024 buckets: some hold four and more, which the kernel answers with ENOSPC.
    using map = numbers();
    map.setMany(Array.from({ length: 1000 }, (_, key) => [key * 7919, 1n] as const));
    expect(new Set(map.keys({ batch })).size).toBe(1000);
    expect([...map.entries({ batch })]).toHaveLength(1000);
  });

  it("can be changed while it is iterated", () => {
    using map = numbers();
    map.setMany(Array.from({ length: 500 }, (_, key) => [key, 0n] as const));
    for (const [key] of map.entries({ batch: 16 })) map.delete(key);
    expect(map.count()).toBe(0);
    map.set(0, 0n);
    let steps = 0;
    for (const [key] of map.entries({ batch: 4 })) if (++steps < 900) map.set(key + 1, 0n);
    expect(steps).toBeLessThan(1001);
  });

  it("is scanned without holding up the event loop", async () => {
    using map = numbers({ maxEntries: 60_000 });
    map.setMany(Array.from({ length: 50_000 }, (_, key) => [key, 1n] as const));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    let sum = 0n;
    for await (const [, value] of map.scan({ yieldEveryMs: 1 })) sum += value;
    clearInterval(timer);
    expect(sum).toBe(50_000n);
    expect(turns).toBeGreaterThan(0);
    const aborted = (async () => {
      for await (const _ of map.scan({ signal: AbortSignal.abort() })) void _;
    })();
    await expect(aborted).rejects.toThrow("aborted");
  });

  it("behaves like a Map under any sequence of operations", () => {
    using map = numbers({ maxEntries: 64 });
    const key = fc.integer({ min: 0, max: 20 });
    const value = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), key, value }),
      fc.record({ kind: fc.constant("delete" as const), key }),
      fc.record({ kind: fc.constant("take" as const), key }),
      fc.record({
        kind: fc.constant("setMany" as const),
        entries: fc.array(fc.tuple(key, value), { maxLength: 20 }),
      }),
      fc.record({ kind: fc.constant("deleteMany" as const), keys: fc.array(key, { maxLength: 20 }) }),
      fc.record({ kind: fc.constant("clear" as const) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        map.clear();
        const model = new Map<number, bigint>();
        // What the map answers to a step, and what it should answer.
        const take = (step: (typeof operations)[number]): [unknown, unknown] => {
          switch (step.kind) {
            case "set":
              return [
                map.set(step.key, step.value).get(step.key),
                model.set(step.key, step.value).get(step.key),
              ];
            case "delete":
              return [map.delete(step.key), model.delete(step.key)];
            case "take": {
              const value = model.get(step.key);
              model.delete(step.key);
              return [map.take(step.key), value];
            }
            case "setMany":
              for (const [at, to] of step.entries) model.set(at, to);
              return [map.setMany(step.entries), step.entries.length];
            case "deleteMany":
              return [map.deleteMany(step.keys), step.keys.filter((at) => model.delete(at)).length];
            default: {
              const { size } = model;
              model.clear();
              return [map.clear(), size];
            }
          }
        };
        for (const step of operations) {
          const [answer, expected] = take(step);
          expect(answer).toBe(expected);
          for (let at = 0; at <= 20; at++) expect(map.get(at)).toBe(model.get(at));
        }
        expect(new Map(map)).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses to be used once closed", () => {
    const map = numbers();
    map.close();
    map.close();
    expect(map.closed).toBe(true);
    for (const use of [
      () => map.get(1),
      () => map.set(1, 1n),
      () => map.delete(1),
      () => map.take(1),
      () => map.fd,
      () => map.setMany([[1, 1n]]),
      () => [...map],
      () => map.freeze(),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: "ERR_CLOSED", errno: 9 }));
    }
  });

  it("can be frozen", () => {
    using map = numbers();
    map.set(1, 1n).freeze();
    expect(map.get(1)).toBe(1n);
    expect(() => map.set(1, 2n)).toThrow(expect.objectContaining({ code: "ERR_PERMISSION" }));
  });
});

describe.skipIf(!privileged)("an LRU hash", () => {
  it("drops the oldest instead of filling up", () => {
    using map = createMap(
      { name: "lru", type: "lru_hash", keySize: 4, valueSize: 8, maxEntries: 256 },
      defineMap({ name: "lru", type: "lru_hash", key: u32, value: u64 }),
    );
    for (let key = 0; key < 2000; key++) map.set(key, 1n);
    expect(map.count()).toBeLessThanOrEqual(256);
    expect(map.count()).toBeGreaterThan(0);
  });
});

describe.skipIf(!privileged)("an LPM trie", () => {
  const prefixOf = (text: string): Uint8Array => {
    const [address = "", length = "32"] = text.split("/");
    return new Uint8Array([Number(length), 0, 0, 0, ...address.split(".").map(Number)]);
  };
  const trie = () =>
    createMap(
      { name: "trie", type: "lpm_trie", keySize: 8, valueSize: 4, maxEntries: 3000, flags: 1 },
      defineMap({ name: "trie", type: "lpm_trie", key: bytes(8), value: u32 }),
    );

  it("finds the longest match", () => {
    using map = trie();
    map.set(prefixOf("10.0.0.0/8"), 8).set(prefixOf("10.1.0.0/16"), 16).set(prefixOf("10.1.2.3/32"), 32);
    expect(map.get(prefixOf("10.1.2.3"))).toBe(32);
    expect(map.get(prefixOf("10.1.2.4"))).toBe(16);
    expect(map.get(prefixOf("10.9.9.9"))).toBe(8);
    expect(map.get(prefixOf("11.0.0.1"))).toBeUndefined();
    expect(map.take(prefixOf("10.1.2.3/32"))).toBe(32);
    expect(map.get(prefixOf("10.1.2.3"))).toBe(16);
  });

  it("is iterated once through although its elements are deleted meanwhile", () => {
    using map = trie();
    const all = Array.from({ length: 2000 }, (_, index) => prefixOf(`10.1.${index >> 8}.${index & 255}/32`));
    map.setMany(all.map((prefix) => [prefix, 1] as const));
    expect(map.count()).toBe(2000);
    let seen = 0;
    for (const [prefix] of map.entries({ batch: 32 })) {
      seen++;
      map.delete(prefix);
    }
    expect(seen).toBe(2000);
    expect(map.count()).toBe(0);
    expect(map.deleteMany(all)).toBe(0);
  });

  it("says when it is full", () => {
    using map = trie();
    const fill = () => {
      for (let index = 0; index < 3001; index++) map.set(prefixOf(`10.1.${index >> 8}.${index & 255}/32`), 1);
    };
    expect(fill).toThrow(expect.objectContaining({ code: "ERR_MAP_FULL" }));
  });
});

describe.skipIf(!privileged)("per-CPU maps", () => {
  const cpus = () => linuxSys().possibleCpus;

  it.each(["percpu_hash", "percpu_array", "lru_percpu_hash"] as const)(
    "%s hold one value per possible CPU",
    (type) => {
      using map = createMap(
        { name: "percpu", type, keySize: 4, valueSize: 4, maxEntries: 8 },
        defineMap({ name: "percpu", type, key: u32, value: u32 }),
      );
      const values = Array.from({ length: cpus() }, (_, cpu) => cpu + 1);
      map.set(1, values);
      expect(map.get(1)).toEqual(values);
      expect(map.sum(1)).toBe(values.reduce((a, b) => a + b));
      expect(map.fill(2, 7).get(2)).toEqual(Array.from({ length: cpus() }, () => 7));
      expect(() => map.set(1, [...values, 1])).toThrow(RangeError);
      map.setMany([[3, values]]);
      expect(new Map(map).get(3)).toEqual(values);
    },
  );

  it("delete and miss like other hashes", () => {
    using map = createMap(
      { name: "percpu", type: "percpu_hash", keySize: 4, valueSize: 4, maxEntries: 8 },
      defineMap({ name: "percpu", type: "percpu_hash", key: u32, value: u32 }),
    );
    map.fill(1, 1).fill(2, 2);
    expect(map.sum(5)).toBeUndefined();
    expect(map.deleteMany([1, 2, 3, 4])).toBe(2);
  });

  it("add values that are not numbers with a function", () => {
    using map = createMap(
      { name: "percpu", type: "percpu_array", keySize: 4, valueSize: 5, maxEntries: 1 },
      defineMap({ name: "percpu", type: "percpu_array", key: u32, value: bytes(5) }),
    );
    const first = map.sum(0, (a) => a);
    expect(first).toEqual(new Uint8Array(5));
  });
});

describe.skipIf(!privileged)("an array", () => {
  it("ends where it ends", () => {
    using map = createMap(
      { name: "array", type: "array", keySize: 4, valueSize: 8, maxEntries: 4 },
      defineMap({ name: "array", type: "array", key: u32, value: u64 }),
    );
    expect([...map.set(3, 9n)]).toEqual([
      [0, 0n],
      [1, 0n],
      [2, 0n],
      [3, 9n],
    ]);
    expect(map.get(4)).toBeUndefined();
    expect(() => map.set(4, 1n)).toThrow("its indexes end at 3");
    expect(() => map.delete(0)).toThrow(expect.objectContaining({ code: "ERR_SYSCALL", errno: 22 }));
    expect(() => mapArray(map, u64)).toThrow(TypeError);
  });

  it("can be mapped into memory, which outlives it and reads as zero once closed", () => {
    const map = createMap(
      { name: "mapped", type: "array", keySize: 4, valueSize: 4, maxEntries: 2000, flags: 1 << 10 },
      defineMap({ name: "mapped", type: "array", key: u32, value: u32 }),
    );
    const mapped = mapArray(map, u32);
    mapped.set(1999, 42);
    expect(map.get(1999)).toBe(42);
    map.set(0, 7);
    expect(mapped.get(0)).toBe(7);
    expect(() => mapped.get(2000)).toThrow(RangeError);
    expect(() => mapArray(map, u64)).toThrow(TypeError);
    map.close();
    expect(mapped.get(1999)).toBe(42);
    mapped.close();
    mapped.close();
    expect(() => mapped.get(0)).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });
});

describe.skipIf(!privileged)("a map of maps", () => {
  it("is written with maps and read as their ids", () => {
    const inner = { name: "inner", type: "hash", keySize: 4, valueSize: 8, maxEntries: 10 } as const;
    using outer = createMap(
      { name: "outer", type: "hash_of_maps", keySize: 4, valueSize: 4, maxEntries: 10, inner },
      defineMap({ name: "outer", type: "hash_of_maps", key: u32, value: u32 }),
    );
    using first = numbers({ maxEntries: 10 });
    first.set(5, 55n);
    outer.set(1, first);
    expect(outer.get(1)).toBe(first.id);
    expect([...outer]).toEqual([[1, first.id]]);
    expect([...outer.keys()]).toEqual([1]);
    using found = openMapById(first.id, defineMap({ name: "inner", type: "hash", key: u32, value: u64 }));
    expect(found.get(5)).toBe(55n);
    using other = createMap({ name: "other", type: "hash", keySize: 8, valueSize: 8, maxEntries: 1 });
    expect(() => outer.set(2, other)).toThrow(expect.objectContaining({ code: "ERR_SYSCALL", errno: 22 }));
    expect(outer.delete(1)).toBe(true);
    expect(outer.has(1)).toBe(false);
  });

  it.each(["hash_of_maps", "array_of_maps"] as const)("takes many maps at once: %s", (type) => {
    const inner = { name: "inner", type: "hash", keySize: 4, valueSize: 8, maxEntries: 10 } as const;
    using outer = createMap(
      { name: "outer", type, keySize: 4, valueSize: 4, maxEntries: 10, inner },
      defineMap({ name: "outer", type, key: u32, value: u32 }),
    );
    using first = numbers({ maxEntries: 10 });
    using second = numbers({ maxEntries: 10 });
    const entries = [
      [3, first],
      [7, second],
      [8, first],
    ] as const;
    expect(outer.setMany(entries)).toBe(3);
    expect(entries.map(([key]) => outer.get(key))).toEqual([first.id, second.id, first.id]);
    expect(outer.setMany([])).toBe(0);
    using other = createMap({ name: "other", type: "hash", keySize: 8, valueSize: 8, maxEntries: 1 });
    const bad = [...entries, [9, other]] as const;
    expect(() => outer.setMany(bad)).toThrow(expect.objectContaining({ code: "ERR_SYSCALL", errno: 22 }));
  });
});

describe.skipIf(!privileged)("the maps of an object", () => {
  let collection: Collection;
  beforeAll(async () => void (collection = await load(objectSpec("maps"))));
  afterAll(() => collection?.close());

  it("come as bytes when asked for by name, each in its class", () => {
    expect(collection.map("hash")).toBeInstanceOf(BpfMap);
    expect(collection.map("percpu_hash")).toBeInstanceOf(PerCpuMap);
    expect(collection.map("by_endpoint")).toBeInstanceOf(MapOfMaps);
    expect(collection.mapNames).toHaveLength(8);
    expect(() => collection.map("nothing")).toThrow("maps has no map nothing");
  });

  it("share a descriptor between views", () => {
    expect(collection.map("hash").fd).toBe(collection.map("hash").fd);
  });

  it("are refused to a definition that does not fit", () => {
    const open = (def: Parameters<typeof defineMap>[0]) => () => collection.map(def);
    const key = bytes(8);
    const value = bytes(24);
    const mismatch = (field: string) =>
      expect.objectContaining({ code: "ERR_PIN_LAYOUT", message: expect.stringContaining(field) });
    expect(open({ name: "hash", type: "hash", key: bytes(7), value })).toThrow(
      mismatch("keySize should be 7 and is 8"),
    );
    expect(open({ name: "hash", type: "hash", key, value: bytes(25) })).toThrow(mismatch("valueSize"));
    expect(open({ name: "hash", type: "lru_hash", key, value })).toThrow(
      mismatch("type should be lru_hash and is hash"),
    );
    const layout = { key: "8;id@0:u32;port@4:be16;proto@6:u8", value: "24" };
    expect(open({ name: "hash", type: "hash", key, value, layout })).toThrow(
      mismatch("key.port should be be16 port at byte 4 and is u16 port at byte 4"),
    );
  });

  it("are seen by programs at once", () => {
    const { u32, u64 } = codecs;
    const lpm = collection.map(defineMap({ name: "lpm", type: "lpm_trie", key: bytes(8), value: u32 }));
    const array = collection.map(defineMap({ name: "array", type: "array", key: u32, value: u32 }));
    const count = collection.map(
      defineMap({ name: "percpu_array", type: "percpu_array", key: u32, value: u64 }),
    );
    const outer = collection.map(
      defineMap({ name: "by_endpoint", type: "hash_of_maps", key: u32, value: u32 }),
    );
    using inner = numbers({ maxEntries: 32 });
    inner.set(0, 100n);
    outer.set(7, inner);
    lpm.set(new Uint8Array([32, 0, 0, 0, 7, 0, 0, 0]), 77);
    const program = collection.program("touch");
    expect(program.run({ ctx: { mark: 7 }, repeat: 5 }).verdict).toBe(77);
    expect(program.run({ ctx: { mark: 8 } }).verdict).toBe(0);
    expect(array.get(0)).toBe(6);
    expect(count.sum(0)).toBe(6n);
    expect(inner.get(0)).toBe(105n);
  });

  it("stay open when taken out", async () => {
    const other = await load(objectSpec("maps"));
    const map = other.detach("hash");
    other.close();
    expect(map.closed).toBe(false);
    map.close();
    expect(() => other.map("hash")).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
    expect(() => other.program("touch")).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("include ring buffers and program arrays", async () => {
    using events = await load(objectSpec("events"));
    expect(events.map("events")).toBeInstanceOf(RingBuffer);
    using nested = await load(objectSpec("nested"));
    expect(nested.map("tails")).toBeInstanceOf(ProgArray);
  });
});
