import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  Address,
  compareAddresses,
  formatAddress,
  ipv4,
  parseAddress,
  readAddress,
  writeAddress,
} from "../../src/address/index.ts";
import { anyAddress, attempt, toBigInt, v4 } from "./arbitrary.ts";

describe("an address", () => {
  it("is IPv4 exactly when its words are IPv4-mapped", () => {
    expect(ipv4(0x0a000001)).toMatchObject({ family: 4, w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000001 });
    expect(new Address(0, 0, 0xfffe, 1).family).toBe(6);
    expect(new Address(0, 1, 0xffff, 1).family).toBe(6);
    expect(new Address(2 ** 32, 0, 0xffff, 1).family).toBe(4);
  });

  it("keeps its words unsigned", () => {
    expect(new Address(-1, 0x8000_0000, -2, 2 ** 32 + 1)).toMatchObject({
      w0: 0xffff_ffff,
      w1: 0x8000_0000,
      w2: 0xffff_fffe,
      w3: 1,
    });
  });

  it("survives a round trip through its text", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const back = parseAddress(formatAddress(address));
        expect(back).toEqual(address);
        expect(back.equals(address)).toBe(true);
        expect(back.hash()).toBe(address.hash());
      }),
      { numRuns: 2000 },
    );
  });

  it("survives a round trip through 16 network-order bytes", () => {
    fc.assert(
      fc.property(anyAddress, fc.integer({ min: 0, max: 4 }), (address, offset) => {
        const view = new DataView(new ArrayBuffer(20));
        writeAddress(address, view, offset);
        expect(readAddress(view, offset)).toEqual(address);
      }),
    );
    const bytes = new Uint8Array(16);
    writeAddress(ipv4(0x0a010203), new DataView(bytes.buffer), 0);
    expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3]);
  });

  it("orders IPv4 before IPv6, and each by value", () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        const [x, y] = [toBigInt(a), toBigInt(b)];
        const expected = a.family - b.family || (x < y ? -1 : x > y ? 1 : 0);
        expect(Math.sign(compareAddresses(a, b))).toBe(Math.sign(expected));
        expect(a.equals(b)).toBe(x === y);
      }),
    );
  });

  it("offsets as 128-bit arithmetic does, or refuses to leave its family", () => {
    const step = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.maxSafeInteger());
    fc.assert(
      fc.property(anyAddress, step, (address, n) => {
        const expected = toBigInt(address) + BigInt(n);
        const mapped = expected >> 32n === 0xffffn;
        const within = expected >= 0n && expected < 1n << 128n && mapped === (address.family === 4);
        expect(attempt(() => toBigInt(address.offset(n)))).toEqual(within ? expected : "ERR_ADDRESS_INVALID");
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses to step from one family into the other, or by a fraction", () => {
    const code = expect.objectContaining({ code: "ERR_ADDRESS_INVALID" });
    expect(() => parseAddress("255.255.255.255").offset(1)).toThrow(code);
    expect(() => parseAddress("0.0.0.0").offset(-1)).toThrow(code);
    expect(() => parseAddress("::fffe:ffff:ffff").offset(1)).toThrow(code);
    expect(() => parseAddress("::").offset(-1)).toThrow(code);
    expect(() => parseAddress("::1").offset(0.5)).toThrow(code);
  });

  it("spreads neighbours over hash buckets", () => {
    const buckets = new Set<number>();
    for (let i = 0; i < 4096; i++) buckets.add(ipv4(0x0a000000 + i).hash() & 0xfff);
    expect(buckets.size).toBeGreaterThan(4096 * 0.58); // 1 - 1/e of the buckets when hashing at random
  });

  it("writes itself into JSON and templates as text", () => {
    expect(JSON.stringify({ ip: ipv4(0x7f000001) })).toBe('{"ip":"127.0.0.1"}');
    fc.assert(fc.property(v4, (address) => String(address) === formatAddress(address)));
  });
});
