import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  Cidr,
  cidrAround,
  compareCidrs,
  formatCidr,
  hostCidr,
  parseAddress,
  parseCidr,
} from "../../src/address/index.ts";
import { anyAddress, cidr, crowdedCidr, toBigInt } from "./arbitrary.ts";

const invalid = expect.objectContaining({ code: "ERR_CIDR_INVALID" });
/** Ends inside ::ffff:0:0/96, the one corner where an IPv6 prefix has an address that reads as IPv4. */
const endsAsIpv4 = (value: Cidr): boolean => value.family === 6 && value.last.family === 4;

describe("a CIDR", () => {
  it("survives a round trip through its text", () => {
    fc.assert(
      fc.property(cidr, (value) => {
        expect(parseCidr(formatCidr(value))).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it("contains exactly the addresses from first to last of its family", () => {
    fc.assert(
      fc.property(cidr, anyAddress, (value, address) => {
        const x = toBigInt(address);
        const between = toBigInt(value.first) <= x && x <= toBigInt(value.last);
        expect(value.contains(address)).toBe(between && address.family === value.family);
        expect(BigInt(value.size)).toBe(toBigInt(value.last) - toBigInt(value.first) + 1n);
      }),
      { numRuns: 2000 },
    );
  });

  it("contains its ends and not their neighbours", () => {
    fc.assert(
      fc.property(cidr, (value) => {
        fc.pre(!endsAsIpv4(value));
        expect(value.contains(value.first)).toBe(true);
        expect(value.contains(value.last)).toBe(true);
        for (const [edge, step] of [
          [value.first, -1],
          [value.last, 1],
        ] as const) {
          let neighbour;
          try {
            neighbour = edge.offset(step);
          } catch {
            continue; // the end of the address space
          }
          expect(value.contains(neighbour)).toBe(false);
        }
      }),
    );
  });

  it("keeps the families apart: ::/0 does not contain 10.0.0.1", () => {
    const everything6 = parseCidr("::/0");
    const everything4 = parseCidr("0.0.0.0/0");
    expect(everything6.contains(parseAddress("10.0.0.1"))).toBe(false);
    expect(everything6.overlaps(everything4)).toBe(false);
    expect(everything4.contains(parseAddress("::1"))).toBe(false);
  });

  it("overlaps another when they share an address, which for prefixes means containment", () => {
    fc.assert(
      fc.property(crowdedCidr, crowdedCidr, (a, b) => {
        const [lowA, highA, lowB, highB] = [a.first, a.last, b.first, b.last].map(toBigInt) as [
          bigint,
          bigint,
          bigint,
          bigint,
        ];
        expect(a.overlaps(b)).toBe(lowA <= highB && lowB <= highA);
        expect(a.containsCidr(b)).toBe(lowA <= lowB && highB <= highA);
      }),
      { numRuns: 1000 },
    );
  });

  it("counts prefix bits over the 128-bit form for LPM keys", () => {
    expect(parseCidr("10.0.0.0/8").bits128).toBe(104);
    expect(parseCidr("0.0.0.0/0").bits128).toBe(96);
    expect(parseCidr("fd00::/8").bits128).toBe(8);
  });

  it("knows sizes exactly", () => {
    expect(parseCidr("10.0.0.0/8").size).toBe(16_777_216);
    expect(parseCidr("10.0.0.1/32").size).toBe(1);
    expect(parseCidr("::/0").size).toBe(2 ** 128);
  });

  it("makes a prefix around or of an address", () => {
    expect(formatCidr(cidrAround(parseAddress("10.1.2.3"), 8))).toBe("10.0.0.0/8");
    expect(formatCidr(cidrAround(parseAddress("fd00::1:2"), 112))).toBe("fd00::1:0/112");
    expect(formatCidr(hostCidr(parseAddress("10.1.2.3")))).toBe("10.1.2.3/32");
    expect(formatCidr(hostCidr(parseAddress("::1")))).toBe("::1/128");
    for (const prefix of [-1, 33, 8.5, Number.NaN]) {
      expect(() => cidrAround(parseAddress("10.0.0.0"), prefix)).toThrow(invalid);
    }
  });

  it("sorts by address, the wider first", () => {
    const sorted = ["10.0.0.0/16", "10.0.0.0/8", "9.0.0.0/8", "fd00::/8"].map(parseCidr).sort(compareCidrs);
    expect(sorted.map(formatCidr)).toEqual(["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "fd00::/8"]);
  });

  describe("its subnets", () => {
    it("are numbered in address order, and the number leads back", () => {
      const deeper = fc.tuple(cidr, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }));
      fc.assert(
        fc.property(deeper, ([outer, extra, where]) => {
          const room = 128 - outer.bits128;
          const prefix = outer.prefix + (extra % (Math.min(room, 53) + 1));
          const index = Math.floor(where * outer.subnetCount(prefix));
          const inner = outer.subnet(prefix, index);
          expect(toBigInt(inner.first)).toBe(toBigInt(outer.first) + BigInt(index) * BigInt(inner.size));
          expect(outer.subnetIndex(inner)).toBe(index);
          expect(outer.containsCidr(inner)).toBe(true);
        }),
        { numRuns: 2000 },
      );
    });

    it("reads naturally", () => {
      const pool = parseCidr("10.0.0.0/8");
      expect(pool.subnetCount(24)).toBe(65_536);
      expect(formatCidr(pool.subnet(24, 2))).toBe("10.0.2.0/24");
      expect(pool.subnetIndex(parseCidr("10.255.255.0/24"))).toBe(65_535);
      expect(pool.subnetIndex(parseCidr("11.0.0.0/24"))).toBe(-1);
    });

    it("refuses lengths and numbers that do not exist", () => {
      const pool = parseCidr("10.0.0.0/8");
      expect(() => pool.subnet(7, 0)).toThrow(invalid);
      expect(() => pool.subnet(33, 0)).toThrow(invalid);
      expect(() => pool.subnet(24, 65_536)).toThrow(invalid);
      expect(() => pool.subnet(24, -1)).toThrow(invalid);
      expect(() => pool.subnet(24, 0.5)).toThrow(invalid);
      expect(() => parseCidr("fd00::/8").subnetIndex(parseCidr("fd00::1/128"))).toThrow(invalid);
      expect(parseCidr("10.0.0.1/32").halves()).toBeUndefined();
    });
  });
});

describe("reading a CIDR", () => {
  it("takes IPv4-mapped text for the IPv4 prefix it names", () => {
    expect(formatCidr(parseCidr("::ffff:10.0.0.0/104"))).toBe("10.0.0.0/8");
    expect(formatCidr(parseCidr("::ffff:0:0/96"))).toBe("0.0.0.0/0");
  });

  it.each([
    ["10.0.0.1/24", "write 10.0.0.0/24"],
    ["fd00::1/64", "write fd00::/64"],
    ["10.0.0.0", "add one, e.g. /24"],
    ["fd00::", "add one, e.g. /64"],
    ["10.0.0.0/33", "from 0 to 32"],
    ["fd00::/129", "from 0 to 128"],
    ["::ffff:0:0/90", "from 96 to 128"],
    ["10.0.0.0/08", "from 0 to 32"],
    ["10.0.0.0/", "from 0 to 32"],
    ["10.0.0.0/-1", "from 0 to 32"],
    ["10.0.0.0/8/8", "from 0 to 32"],
    ["10.1.0.0/255.255.0.0", "write 10.1.0.0/16"],
    ["10.1.0.0/0.0.255.255", "from 0 to 32"],
    ["10.0.0.256/8", "256 is above 255"],
    ["/8", "it is empty"],
  ])("refuses %s and helps: %s", (text, help) => {
    expect(() => parseCidr(text)).toThrow(
      expect.objectContaining({ code: "ERR_CIDR_INVALID", message: expect.stringContaining(help) }),
    );
  });

  it("refuses what is not a string", () => {
    expect(() => parseCidr(undefined as unknown as string)).toThrow(invalid);
    expect(() => new Cidr(parseAddress("10.0.0.1"), 24)).toThrow(invalid);
  });
});
