import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrefixTable } from "../../src/rib/prefix-table.ts";
import type { Family } from "../../src/wire/family.ts";
import { encodePrefix, maskBits } from "../../src/wire/nlri.ts";

/** Length and address bytes; few of them, so that they meet. */
const encoded = (width: 32 | 128) =>
  fc
    .record({
      length: fc.oneof(fc.integer({ min: 0, max: width }), fc.constantFrom(0, 8, 24, 32, width)),
      bytes: fc.array(fc.constantFrom(0, 1, 0x80, 0xff, 10), { minLength: width / 8, maxLength: width / 8 }),
    })
    .map(({ length, bytes }) => Uint8Array.of(length, ...bytes.slice(0, (length + 7) >>> 3)));

function masked(bytes: Uint8Array): string {
  const copy = Uint8Array.from(bytes);
  maskBits(copy, 1, copy[0]!);
  return copy.join(".");
}

describe("PrefixTable", () => {
  for (const [family, width] of [
    ["ipv4-unicast", 32],
    ["ipv6-unicast", 128],
  ] as const) {
    it(`gives equal prefixes equal numbers, and others others, as they come and go (${family})`, () => {
      const steps = fc.array(fc.tuple(fc.boolean(), encoded(width)), { maxLength: 300 });
      fc.assert(
        fc.property(steps, (list) => {
          const table = new PrefixTable(family);
          const model = new Map<string, number>();
          for (const [come, bytes] of list) {
            const key = masked(bytes);
            const id = model.get(key);
            expect(table.lookup(bytes, 0)).toBe(id ?? 0);
            if (come && id === undefined) {
              const fresh = table.intern(bytes, 0);
              table.retain(fresh);
              model.set(key, fresh);
            } else if (!come && id !== undefined) {
              table.release(id);
              model.delete(key);
            }
          }
          expect(table.size).toBe(model.size);
          expect(new Set(model.values()).size).toBe(model.size);
          for (const [key, id] of model) {
            const written = new Uint8Array(20);
            const end = table.writePrefix(id, written, 0);
            expect(written.subarray(0, end).join(".")).toBe(key);
          }
        }),
      );
    });
  }

  it("writes prefixes as people do, and finds them by it", () => {
    for (const [family, text] of [
      ["ipv4-unicast", "0.0.0.0/0"],
      ["ipv4-unicast", "192.0.2.128/25"],
      ["ipv4-unicast", "255.255.255.255/32"],
      ["ipv6-unicast", "::/0"],
      ["ipv6-unicast", "2001:db8:0:8000::/49"],
      ["ipv6-unicast", "2001:db8::1/128"],
    ] as readonly (readonly [Family, string])[]) {
      const table = new PrefixTable(family);
      const id = table.intern(encodePrefix(text), 0);
      table.retain(id);
      expect(table.formatPrefix(id)).toBe(text);
      expect(table.find(text)).toBe(id);
    }
  });

  it("finds nothing by another family's prefix, or by what is none", () => {
    const table = new PrefixTable("ipv4-unicast");
    table.retain(table.intern(encodePrefix("0.0.0.0/0"), 0));
    expect(table.find("::/0")).toBe(0);
    expect(table.find("nonsense")).toBe(0);
  });

  it("ignores bits behind a prefix's length", () => {
    const table = new PrefixTable("ipv4-unicast");
    const id = table.intern(Uint8Array.of(9, 10, 0xff), 0);
    table.retain(id);
    expect(table.formatPrefix(id)).toBe("10.128.0.0/9");
    expect(table.intern(Uint8Array.of(9, 10, 0x80), 0)).toBe(id);
  });

  it("keeps a prefix until its last use ends, then gives its number out again", () => {
    const table = new PrefixTable("ipv4-unicast");
    const [first, second] = ["10.0.0.0/8", "10.1.0.0/16"].map((text) => table.intern(encodePrefix(text), 0));
    for (const id of [first!, first!, second!]) table.retain(id);
    table.release(first!);
    expect(table.find("10.0.0.0/8")).toBe(first);
    table.release(first!);
    expect(table.find("10.0.0.0/8")).toBe(0);
    expect(table.intern(encodePrefix("172.16.0.0/12"), 0)).toBe(first);
  });

  it("holds a hundred thousand, and is empty after", () => {
    const table = new PrefixTable("ipv4-unicast");
    const bytes = (index: number) => Uint8Array.of(24, index >>> 16, index >>> 8, index);
    for (let index = 0; index < 100_000; index += 1) table.retain(table.intern(bytes(index), 0));
    expect(table.size).toBe(100_000);
    for (let index = 0; index < 100_000; index += 1) {
      const id = table.lookup(bytes(index), 0);
      expect(id).not.toBe(0);
      table.release(id);
    }
    expect(table.size).toBe(0);
    expect(table.limit).toBe(1);
  });
});
