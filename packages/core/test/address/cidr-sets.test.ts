import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  type Cidr,
  compareCidrs,
  formatCidr,
  parseCidr,
  subtractCidrs,
  summarizeCidrs,
} from "../../src/address/index.ts";
import { crowdedCidr } from "./arbitrary.ts";

/** The 256 blocks of /24 (or of /24 in IPv6) that `crowdedCidr` draws from, as the naive model of a set. */
function cells(cidrs: readonly Cidr[]): Set<string> {
  const result = new Set<string>();
  for (const cidr of cidrs) {
    for (let i = 0; i < cidr.subnetCount(24); i++) result.add(formatCidr(cidr.subnet(24, i)));
  }
  return result;
}

function isShortest(cidrs: readonly Cidr[]): boolean {
  return cidrs.every((a, i) => {
    const next = cidrs[i + 1];
    return next === undefined || (compareCidrs(a, next) < 0 && summarizeCidrs([a, next]).length === 2);
  });
}

describe("subtracting prefixes", () => {
  it("leaves exactly the addresses that no exception holds, as the shortest list", () => {
    fc.assert(
      fc.property(crowdedCidr, fc.array(crowdedCidr, { maxLength: 8 }), (from, excepts) => {
        const left = subtractCidrs(from, excepts);
        const gone = cells(excepts);
        expect(cells(left)).toEqual(new Set([...cells([from])].filter((cell) => !gone.has(cell))));
        expect(isShortest(left)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("reads naturally", () => {
    const left = subtractCidrs(parseCidr("10.0.0.0/8"), ["10.0.0.0/10", "10.128.0.0/9"].map(parseCidr));
    expect(left.map(formatCidr)).toEqual(["10.64.0.0/10"]);
    expect(subtractCidrs(parseCidr("0.0.0.0/0"), [parseCidr("10.0.0.1/32")])).toHaveLength(32);
    expect(subtractCidrs(parseCidr("::/0"), [parseCidr("::1/128")])).toHaveLength(128);
    expect(subtractCidrs(parseCidr("::/0"), [parseCidr("0.0.0.0/0")]).map(formatCidr)).toEqual(["::/0"]);
  });
});

describe("summarizing prefixes", () => {
  it("keeps the addresses and uses the fewest prefixes", () => {
    fc.assert(
      fc.property(fc.array(crowdedCidr, { maxLength: 20 }), (cidrs) => {
        const summary = summarizeCidrs(cidrs);
        expect(cells(summary)).toEqual(cells(cidrs));
        expect(isShortest(summary)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("joins halves all the way up, whatever the order", () => {
    const pool = parseCidr("10.0.0.0/24");
    const hosts = Array.from({ length: 256 }, (_, i) => pool.subnet(32, (i * 37) % 256));
    expect(summarizeCidrs(hosts).map(formatCidr)).toEqual(["10.0.0.0/24"]);
    expect(
      summarizeCidrs(["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"].map(parseCidr)).map(formatCidr),
    ).toEqual(["0.0.0.0/0", "::/0"]);
    expect(summarizeCidrs([])).toEqual([]);
  });
});
