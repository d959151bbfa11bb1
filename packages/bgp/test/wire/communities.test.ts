import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatCommunity,
  formatExtendedCommunity,
  formatLargeCommunity,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
} from "../../src/wire/index.ts";

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("communities as text", () => {
  it.each([
    ["0:0", 0],
    ["65000:1", 0xfde8_0001],
    ["65535:65535", 0xffff_ffff],
    ["graceful-shutdown", 0xffff_0000],
    ["accept-own", 0xffff_0001],
    ["llgr-stale", 0xffff_0006],
    ["no-llgr", 0xffff_0007],
    ["blackhole", 0xffff_029a],
    ["no-export", 0xffff_ff01],
    ["no-advertise", 0xffff_ff02],
    ["no-export-subconfed", 0xffff_ff03],
    ["no-peer", 0xffff_ff04],
  ])("%s, both ways", (text, value) => {
    expect(parseCommunity(text)).toBe(value);
    expect(formatCommunity(value)).toBe(text);
  });

  it.each([
    "",
    "1",
    "1:",
    ":1",
    "1:2:3",
    "65536:1",
    "1:65536",
    "-1:1",
    "1:1.0",
    "01:1",
    "No-Export",
    "toString",
    " 1:1",
  ])("%s is none", (text) => expect(parseCommunity(text)).toBeUndefined());

  it("come back, all of them", () => {
    fc.assert(
      fc.property(uint32, (value) => {
        expect(parseCommunity(formatCommunity(value))).toBe(value);
      }),
    );
  });

  it("large ones come back, all of them (RFC 8092)", () => {
    fc.assert(
      fc.property(fc.tuple(uint32, uint32, uint32), (value) => {
        expect(parseLargeCommunity(formatLargeCommunity(value))).toEqual(value);
      }),
    );
  });

  it.each(["", "1:2", "1:2:3:4", "4294967296:0:0", "1::3", "a:b:c"])("%s is no large one", (text) => {
    expect(parseLargeCommunity(text)).toBeUndefined();
  });

  it.each([
    ["rt:65000:1", 0x0002_fde8_0000_0001n],
    ["soo:65000:4294967295", 0x0003_fde8_ffff_ffffn],
    ["rt:10.0.0.1:7", 0x0102_0a00_0001_0007n],
    ["rt:4200000000:7", 0x0202_fa56_ea00_0007n],
    ["rt:65000L:7", 0x0202_0000_fde8_0007n],
    ["0x8006000047435000", 0x8006_0000_4743_5000n],
  ])("extended: %s, both ways", (text, value) => {
    expect(parseExtendedCommunity(text)).toBe(value);
    expect(formatExtendedCommunity(value)).toBe(text);
  });

  it("extended ones come back, all of them", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(parseExtendedCommunity(formatExtendedCommunity(value))).toBe(value);
      }),
    );
    const short = fc.tuple(
      fc.constantFrom(0n, 1n, 2n, 3n, 0x40n),
      fc.constantFrom(2n, 3n, 4n),
      fc.bigInt({ min: 0n, max: 2n ** 48n - 1n }),
    );
    fc.assert(
      fc.property(short, ([type, subtype, rest]) => {
        const value = (type << 56n) | (subtype << 48n) | rest;
        expect(parseExtendedCommunity(formatExtendedCommunity(value))).toBe(value);
      }),
    );
  });

  it.each([
    "",
    "rt",
    "rt:1",
    "xx:1:1",
    "rt:1:2:3",
    "rt:65000:4294967296",
    "rt:10.0.0.1:65536",
    "rt:4200000000:65536",
    "0x1",
    "rt:::1",
  ])("%s is no extended one", (text) => expect(parseExtendedCommunity(text)).toBeUndefined());
});
