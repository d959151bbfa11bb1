import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIp, parseIp, parsePrefix } from "../../src/text/ip.ts";

describe("addresses", () => {
  it("come back as they went", () => {
    const bytes = fc
      .constantFrom(4, 16)
      .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    const sparse = bytes.map((array) => array.map((byte, at) => ((at >> 1) % 3 === 0 ? byte : 0)));
    fc.assert(
      fc.property(fc.oneof(bytes, sparse), (array) => {
        expect([...parseIp("parse", formatIp(Buffer.from(array))).bytes]).toEqual([...array]);
      }),
    );
  });

  it.each([
    ["10.0.0.1", "0a000001", "10.0.0.1"],
    ["::", "0".repeat(32), "::"],
    ["::1", `${"0".repeat(31)}1`, "::1"],
    ["FE80:0:0:0:1::2", "fe800000000000000001000000000002", "fe80::1:0:0:2"],
    ["::ffff:10.0.0.1", "00000000000000000000ffff0a000001", "::ffff:10.0.0.1"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221", "64:ff9b::c000:221"],
  ])("%s is %s, written %s", (text, hex, written) => {
    const { bytes } = parseIp("parse", text);
    expect(bytes.toString("hex")).toBe(hex);
    expect(formatIp(bytes)).toBe(written);
  });

  it.each(["", "2001:db8::a.b", "10.0.0", "10.0.0.1%eth0", "example.org", "::1/64"])("%s is none", (text) => {
    expect(() => parseIp("parse", text)).toThrow(/address/);
  });

  it("have zones", () => {
    expect(parseIp("parse", "fe80::1%eth0").zone).toBe("eth0");
    expect(parseIp("parse", "fe80::1").zone).toBeUndefined();
  });

  it.each(["", "10.0.0.1/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8/8"])(
    "%s is no prefix",
    (text) => {
      expect(() => parsePrefix("parse", text)).toThrow(/prefix/);
    },
  );

  it("have prefixes, which are whole where they are not given", () => {
    expect(parsePrefix("parse", "10.0.0.0/8").length).toBe(8);
    expect(parsePrefix("parse", "fd00::1").length).toBe(128);
  });
});
