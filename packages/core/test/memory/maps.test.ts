import { describe, expect, it } from "vitest";
import { parseAddress } from "@netloom/core";
import { maps as definitions } from "@netloom/core/backend";
import { memoryMap, memoryMaps } from "@netloom/core/memory";

const address = (text: string) => ({ address: parseAddress(text) });
const entry = (identity: number) => ({ identity, flags: 0, tunnel: parseAddress("::") });

describe("maps in memory", () => {
  it("refuse, when a hash is full, what is new, and take what is known", () => {
    const map = memoryMap({ ...definitions.ipcache, maxEntries: 2 });
    map.set(address("10.0.0.1"), entry(1));
    map.set(address("10.0.0.2"), entry(2));
    expect(() => map.set(address("10.0.0.3"), entry(3))).toThrow(
      expect.objectContaining({ code: "ERR_CAPACITY" }),
    );
    map.set(address("10.0.0.2"), entry(4));
    expect(map.get(address("10.0.0.2"))?.identity).toBe(4);
    expect(map.get(address("10.0.0.3"))).toBeUndefined();
    expect(map.insert(address("10.0.0.1"), entry(5))).toBe(false);
  });

  it("forget, when an LRU is full, what was used longest ago; looking from outside is no use", () => {
    const map = memoryMap({ ...definitions.fragments, maxEntries: 2 });
    const key = (id: number) => ({
      source: parseAddress("10.0.0.1"),
      destination: parseAddress("10.0.0.2"),
      id,
      protocol: 17,
    });
    const value = { sourcePort: 1, destinationPort: 2 };
    map.set(key(1), value);
    map.set(key(2), value);
    map.use(key(1));
    map.get(key(2));
    map.set(key(3), value);
    expect([1, 2, 3].filter((id) => map.get(key(id)) !== undefined)).toEqual([1, 3]);
  });

  it("find the longest prefix, no longer than asked for, whatever the bits behind it", () => {
    const { ipcachePrefixes: map } = memoryMaps();
    const prefix = (length: number, text: string) => ({ prefixLength: 96 + length, ...address(text) });
    map.set(prefix(8, "10.9.9.9"), entry(8));
    map.set(prefix(24, "10.1.2.0"), entry(24));
    map.set(prefix(0, "0.0.0.0"), entry(1));
    expect(map.get(prefix(32, "10.1.2.3"))?.identity).toBe(24);
    expect(map.get(prefix(32, "10.1.3.3"))?.identity).toBe(8);
    expect(map.get(prefix(16, "10.1.0.0"))?.identity).toBe(8);
    expect(map.get(prefix(32, "11.0.0.1"))?.identity).toBe(1);
    expect(map.get(prefix(4, "11.0.0.1"))?.identity).toBe(1);
    expect([...map.entries()]).toHaveLength(3);
    expect(map.delete(prefix(8, "10.0.0.0"))).toBe(true);
    expect(map.get(prefix(32, "10.1.3.3"))?.identity).toBe(1);
    expect(() => map.set({ prefixLength: 129, ...address("10.0.0.1") }, entry(1))).toThrow(RangeError);
  });

  it("have, in an array, every index from the start, and no more", () => {
    const { backends: map } = memoryMaps({ backends: 8 });
    expect(map.get(7)?.port).toBe(0);
    expect(map.get(8)).toBeUndefined();
    expect([...map.entries()]).toEqual([]);
    const value = { address: parseAddress("10.0.0.1"), port: 80, protocol: 6, state: 1 };
    expect(() => map.set(8, value)).toThrow(expect.objectContaining({ code: "ERR_CAPACITY" }));
    map.set(3, value);
    expect(map.get(3)?.port).toBe(80);
    expect(() => map.delete(3)).toThrow("an array");
  });
});
