import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatMac, parseMac, readMac, writeMac } from "../../src/address/index.ts";

const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe("a MAC address", () => {
  it("survives a round trip through text and bytes", () => {
    fc.assert(
      fc.property(mac, (value) => {
        expect(parseMac(formatMac(value))).toBe(value);
        expect(parseMac(formatMac(value).toUpperCase().replaceAll(":", "-"))).toBe(value);
        const view = new DataView(new ArrayBuffer(7));
        writeMac(value, view, 1);
        expect(readMac(view, 1)).toBe(value);
      }),
    );
  });

  it("is written in network order", () => {
    const bytes = new Uint8Array(6);
    writeMac(parseMac("02:42:ac:11:00:02"), new DataView(bytes.buffer), 0);
    expect([...bytes]).toEqual([0x02, 0x42, 0xac, 0x11, 0x00, 0x02]);
    expect(formatMac(1)).toBe("00:00:00:00:00:01");
  });

  it.each([
    "",
    "02:42:ac:11:00",
    "02:42:ac:11:00:02:03",
    "02-42:ac:11:00:02",
    "0242.ac11.0002",
    "02:42:ac:11:00:0g",
  ])("refuses %j", (text) => {
    expect(() => parseMac(text)).toThrow(
      expect.objectContaining({ code: "ERR_ADDRESS_INVALID", input: text }),
    );
  });
});
