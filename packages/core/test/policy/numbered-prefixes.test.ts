import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidrAround, formatCidr, ipv4, parseCidr, type Cidr } from "@netloom/core";
import { NumberedPrefixes } from "../../src/policy/numbered-prefixes.ts";

/** Few addresses and all lengths, so that prefixes lie in each other. */
const cidr = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(0, 0x0a00_0000, 0x0a01_0000, 0x0a01_0100, 0xffff_ffff),
      fc.integer({ min: 0, max: 32 }),
    )
    .map(([word, length]) => cidrAround(ipv4(word), length)),
  fc.constantFrom("::/0", "fd00::/8", "fd00::/64", "fd00::1/128", "::/96").map((text) => parseCidr(text)),
);

const prefixes = fc.uniqueArray(cidr, { selector: formatCidr, maxLength: 12 });

describe("numbered prefixes", () => {
  it("answer as a look at each of them does", () => {
    fc.assert(
      fc.property(
        prefixes,
        cidr,
        fc.array(cidr, { maxLength: 2 }),
        fc.array(fc.nat(11)),
        (list, asked, holes, hidden) => {
          const numbered = list.map((each, id) => ({ cidr: each, id }));
          const index = new NumberedPrefixes(numbered);
          const passes = (prefix: Cidr): boolean => !hidden.some((at) => list[at] === prefix);
          const within = numbered.filter(
            ({ cidr: each }) => asked.containsCidr(each) && !holes.some((hole) => hole.containsCidr(each)),
          );
          expect(new Set(index.within(asked, holes))).toEqual(new Set(within.map(({ id }) => id)));
          const [around] = numbered
            .filter(
              ({ cidr: each }) => each.prefix < asked.prefix && each.containsCidr(asked) && passes(each),
            )
            .toSorted((a, b) => b.cidr.prefix - a.cidr.prefix);
          expect(index.around(asked, passes)).toBe(around?.id);
          expect(index.ofFamily(4).length + index.ofFamily(6).length).toBe(index.ofFamily().length);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
