import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkNlri,
  encodePrefix,
  type Family,
  formatAddress,
  maskBits,
  parseAddress,
  prefixSource,
  readNlri,
  readPrefix,
} from "../../src/wire/index.ts";
import { hex, toHex } from "./support/build.ts";

const size = { "ipv4-unicast": 4, "ipv6-unicast": 16 } as const;

/** A prefix of a family as text, through no code under test but the writer of addresses. */
function prefixOf(family: Family): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.uint8Array({ minLength: size[family], maxLength: size[family] }),
      fc.integer({ min: 0, max: size[family] * 8 }),
    )
    .map(([bytes, length]) => {
      const masked = bytes.map(
        (byte, index) => byte & (0xff00 >> Math.max(0, Math.min(8, length - 8 * index))) & 0xff,
      );
      return `${formatAddress(masked, 0, size[family])}/${length}`;
    });
}

describe("encoded prefixes", () => {
  it.each(["ipv4-unicast", "ipv6-unicast"] as const)("%s: come back as they were written", (family) => {
    const prefixes = fc.array(
      fc.record({ prefix: prefixOf(family), pathId: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
    );
    fc.assert(
      fc.property(prefixes, fc.boolean(), (prefixes, addPath) => {
        const source = prefixSource(prefixes, addPath);
        const buffer = new Uint8Array(21 * prefixes.length + 3);
        let end = 3;
        for (const index of prefixes.keys()) end = source.write(index, buffer, end);
        const run = checkNlri(family, buffer, 3, end, addPath);
        expect(run?.count).toBe(prefixes.length);
        expect(run && [...readNlri(run)]).toEqual(
          addPath ? prefixes : prefixes.map(({ prefix }) => ({ prefix, pathId: 0 })),
        );
        const cut = checkNlri(family, buffer, 3, Math.max(3, end - 1), addPath);
        // Without its one byte, a last prefix of length 0 is not there.
        const whole = prefixes.length === 0 || (!addPath && prefixes.at(-1)?.prefix.endsWith("/0"));
        expect(cut === undefined).toBe(!whole);
      }),
    );
  });

  it.each([
    ["ipv4-unicast", "20 0a000001", false, 1],
    ["ipv4-unicast", "21 0a00000100", false, undefined],
    ["ipv4-unicast", "ff", false, undefined],
    ["ipv4-unicast", "18 0a00", false, undefined],
    ["ipv4-unicast", "00 00 00", false, 3],
    ["ipv4-unicast", "", false, 0],
    ["ipv4-unicast", "", true, 0],
    ["ipv4-unicast", "00000001", true, undefined],
    ["ipv4-unicast", "00000001 00", true, 1],
    ["ipv4-unicast", "00000001 08 0a 000002", true, undefined],
    ["ipv4-unicast", "00000001 08 0a 00000002", true, undefined],
    ["ipv6-unicast", "21 20010db800", false, 1],
    ["ipv6-unicast", "81 20010db800000000000000000000000100", false, undefined],
  ] as const)("%s %s, with path identifiers %s: %s", (family, text, addPath, count) => {
    const bytes = hex(text);
    expect(checkNlri(family, bytes, 0, bytes.length, addPath)?.count).toBe(count);
  });

  it("bits beyond the length are masked", () => {
    expect(readPrefix("ipv4-unicast", hex("0bffff"), 0)).toBe("255.224.0.0/11");
    expect(readPrefix("ipv6-unicast", hex("0320"), 0)).toBe("2000::/3");
    const bytes = hex("ff ff ff");
    maskBits(bytes, 1, 11);
    expect(toHex(bytes)).toBe("ffffe0");
    maskBits(bytes, 0, 8);
    expect(toHex(bytes)).toBe("ffffe0");
  });

  it.each([
    "",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0/8",
    "10.0.0.0/8/8",
    "::/129",
    "x/8",
    "10.0.0.0/ 8",
  ])("%s is no prefix", (text) => expect(() => encodePrefix(text)).toThrow(RangeError));

  it.each(["10.0.0.1/8", "10.1.0.0/15", "2001:db8::1/64", "0.0.0.1/0"])(
    "%s has bits beyond its length",
    (text) => {
      expect(() => encodePrefix(text)).toThrow(RangeError);
    },
  );
});

describe("addresses", () => {
  it.each([
    ["0.0.0.0", "00000000"],
    ["255.1.20.3", "ff011403"],
    ["::", "00".repeat(16)],
    ["::1", `${"00".repeat(15)}01`],
    ["2001:db8::1:0:0:1", "20010db8000000000001000000000001"],
    ["2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001"],
    ["1::", `0001${"00".repeat(14)}`],
    ["fe80::a:0", "fe8000000000000000000000000a0000"],
    ["::ffff:10.0.0.1", `${"00".repeat(10)}ffff0a000001`],
  ])("%s is %s, both ways (RFC 5952)", (text, bytes) => {
    const parsed = parseAddress(text);
    expect(parsed && toHex(parsed)).toBe(bytes);
    expect(formatAddress(hex(bytes), 0, bytes.length === 8 ? 4 : 16)).toBe(text);
  });

  it.each([
    ...["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "a.b.c.d"],
    ...[
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "g::",
      "::1%eth0",
      "1:2:3:4:5:6:7::8",
    ],
    ...["::1.2.3", "1.2.3.4::", "::1.2.3.4:5"],
  ])("%s is none", (text) => expect(parseAddress(text)).toBeUndefined());

  it("come back whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseAddress(formatAddress(bytes, 0, 16))).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const bytes = parseAddress(text);
        expect(bytes && parseAddress(formatAddress(bytes, 0, 16))).toEqual(bytes);
        expect(bytes).toBeDefined();
      }),
    );
  });
});
