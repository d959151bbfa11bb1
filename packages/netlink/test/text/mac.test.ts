import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceName } from "../../src/text/check.ts";
import { formatMac, parseMac } from "../../src/text/mac.ts";
import { mac } from "../support/arbitraries.ts";

describe("MAC addresses", () => {
  it("survive being written and read", () => {
    fc.assert(
      fc.property(mac, (text) => {
        expect(formatMac(parseMac("test", text))).toBe(text);
        expect(formatMac(parseMac("test", text.toUpperCase()))).toBe(text);
      }),
    );
  });

  it.each([
    "",
    "02:00:00:00:00",
    "02:00:00:00:00:01:02",
    "02-00-00-00-00-01",
    "2:0:0:0:0:1",
    "02:00:00:00:00:0g",
  ])("%j is none", (text) => {
    expect(() => parseMac("test", text)).toThrow(`test: ${JSON.stringify(text)} is not a MAC address`);
  });

  it("of other lengths are written too", () => {
    expect(formatMac(Buffer.from("0a000001", "hex"))).toBe("0a:00:00:01");
  });
});

describe("device names", () => {
  it.each(["eth0", "a", "fifteen-bytes-x", "veth.7", "ü"])("%j is one", (name) => {
    expect(deviceName("test", name)).toBe(name);
  });

  it.each(["", ".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-bytes-xx", "üüüüüüüü", "a\0"])(
    "%j is none",
    (name) => {
      expect(() => deviceName("test", name)).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
    },
  );
});
