import { describe, expect, it } from "vitest";
import { AttributeStore } from "../../src/rib/attribute-store.ts";
import { KeyCache } from "../../src/rib/key-cache.ts";
import { via } from "./support/updates.ts";

describe("AttributeStore", () => {
  it("knows equal attributes by one number, whoever they are from", () => {
    const store = new AttributeStore();
    const id = store.intern(via([65001, 3], { med: 5, communities: [1, 2], atomicAggregate: false }));
    expect(store.intern({ ...via([65001, 3]), communities: [1, 2], med: 5, largeCommunities: [] })).toBe(id);
    for (const other of [
      via([65001, 4], { med: 5, communities: [1, 2] }),
      via([65001, 3], { med: 6, communities: [1, 2] }),
      via([65001, 3], { med: 5, communities: [1] }),
      via([65001, 3], {
        med: 5,
        communities: [1, 2],
        unknown: [{ flags: 0xe0, type: 99, value: Uint8Array.of(1) }],
      }),
      via([65001, 3], { med: 5, communities: [1, 2], extendedCommunities: [7n] }),
      via([65001, 3], { med: 5, communities: [1, 2], onlyToCustomer: 3 }),
    ]) {
      expect(store.intern(other)).not.toBe(id);
    }
    expect(store.size).toBe(7);
  });

  it("forgets what nothing uses, and only that", () => {
    const store = new AttributeStore();
    const [kept, gone] = [store.intern(via([1])), store.intern(via([2]))];
    store.retain(kept);
    store.retain(gone, 2);
    store.release(gone, 2);
    store.collect(true);
    expect(store.size).toBe(1);
    expect(store.get(kept)).toEqual(via([1]));
    const stamp = store.stampOf(kept);
    expect(store.intern(via([3]))).toBe(gone);
    expect(store.stampOf(gone)).not.toBe(stamp);
  });

  it("finds all of many through growth and loss", () => {
    const store = new AttributeStore();
    const ids = Array.from({ length: 5000 }, (_, index) => store.intern(via([index + 1])));
    for (const [index, id] of ids.entries()) if (index % 3 === 0) store.retain(id);
    store.collect();
    expect(store.size).toBe(1667);
    const kept = ids.filter((_, index) => index % 3 === 0);
    expect(kept.map((_, at) => store.intern(via([at * 3 + 1])))).toEqual(kept);
  });

  it("counts an AS set as one, and confederations as nothing", () => {
    const store = new AttributeStore();
    const id = store.intern({
      ...via([]),
      asPath: [
        { type: "confed-sequence", asns: [64512, 64513] },
        { type: "sequence", asns: [65001, 65002] },
        { type: "set", asns: [1, 2, 3] },
      ],
    });
    expect(store.pathLength[id]).toBe(3);
    expect(store.neighbour[id]).toBe(65001);
  });
});

describe("KeyCache", () => {
  const key = (number: number) => Buffer.from(`key ${number}`);

  it("remembers what bytes stand for, until the store has forgotten it", () => {
    const store = new AttributeStore();
    const cache = new KeyCache(store);
    const ids = Array.from({ length: 1000 }, (_, index) => store.intern(via([index + 1])));
    for (const [index, id] of ids.entries()) {
      if (index % 2 === 0) store.retain(id);
      cache.set(key(index), id);
    }
    for (const [index, id] of ids.entries()) expect(cache.get(key(index))).toBe(id);
    expect(cache.get(key(1000))).toBe(0);
    store.collect();
    store.intern(via([9999]));
    for (const [index, id] of ids.entries()) expect(cache.get(key(index))).toBe(index % 2 === 0 ? id : 0);
  });

  it("does not grow without end", () => {
    const store = new AttributeStore();
    const cache = new KeyCache(store);
    const id = store.intern(via([1]));
    store.retain(id);
    for (let number = 0; number < 4096; number += 1) cache.set(key(number), id);
    expect(cache.get(key(0))).toBe(id);
    cache.set(key(4096), id);
    expect(cache.get(key(0))).toBe(0);
    expect(cache.get(key(4096))).toBe(id);
  });

  it("holds 4 MiB of bytes that stand for few attributes, however long each", () => {
    const store = new AttributeStore();
    const cache = new KeyCache(store);
    const id = store.intern(via([1]));
    store.retain(id);
    const long = (number: number) => new Uint8Array(65_536).fill(number);
    for (let number = 0; number < 64; number += 1) cache.set(long(number), id);
    expect(cache.get(long(0))).toBe(id);
    cache.set(long(64), id);
    expect(cache.get(long(0))).toBe(0);
    expect(cache.get(long(64))).toBe(id);
  });

  it("holds as many bytes as a whole table's attributes need", () => {
    const store = new AttributeStore();
    const cache = new KeyCache(store);
    const long = (number: number) => Buffer.alloc(100, `${number} `);
    const ids = Array.from({ length: 60_000 }, (_, index) => store.intern(via([index + 1])));
    for (const [index, id] of ids.entries()) cache.set(long(index), id);
    expect(cache.get(long(0))).toBe(ids[0]);
  });
});
