import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePrefix, readPrefix } from "../../src/wire/nlri.ts";
import { parsePrefix } from "../../src/wire/prefix-text.ts";

describe("parsePrefix", () => {
  it("reads what it writes, as the codec does", () => {
    const prefix = fc.record({
      wide: fc.boolean(),
      length: fc.nat(128),
      bytes: fc.uint8Array({ minLength: 16 }),
    });
    fc.assert(
      fc.property(prefix, ({ wide, length, bytes }) => {
        const bits = wide ? length : length % 33;
        const encoded = Uint8Array.of(bits, ...bytes.slice(0, (bits + 7) >>> 3));
        if (bits % 8 !== 0) encoded[encoded.length - 1]! &= 0xff00 >>> (bits % 8);
        const family = wide ? "ipv6-unicast" : "ipv4-unicast";
        const text = readPrefix(family, encoded, 0);
        expect(parsePrefix(text)).toEqual({ family, bytes: encoded });
        expect(encodePrefix(text)).toEqual(encoded);
      }),
    );
  });

  it("takes an address for itself", () => {
    expect(parsePrefix("10.0.0.1")?.bytes).toEqual(Uint8Array.of(32, 10, 0, 0, 1));
    expect(parsePrefix("::1")?.bytes[0]).toBe(128);
  });

  it("refuses what is no prefix, or has bits set behind its length", () => {
    for (const text of [
      "",
      "/",
      "/8",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/08",
      "10.0.0.0/8/8",
      "10.0.0/8",
      "10.0.0.0.0/8",
      "10.0.0.256/32",
      "010.0.0.0/8",
      "10.0.0.1/31",
      "10.0.0.1/0",
      "128.0.0.0/0",
      " 10.0.0.0/8",
      "::/129",
      "::1/127",
      "fe80::1%eth0/128",
    ]) {
      expect(parsePrefix(text), text).toBeUndefined();
    }
  });
});
