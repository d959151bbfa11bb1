import { parseCidr } from "@netloom/core";
import { seededRandom } from "@netloom/core/memory";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AddressSpace } from "../src/cloud/address-space.ts";

function spaceOf(cidr: string, seed = 1): AddressSpace {
  return new AddressSpace(cidr, seededRandom(seed), "scattered");
}

describe("an address space", () => {
  it("keeps five addresses of an IPv4 subnet to itself, and with them two blocks", () => {
    const { freeAddresses, freeBlocks } = spaceOf("10.0.0.0/24");
    expect([freeAddresses, freeBlocks]).toEqual([251, 14]);
  });

  it("has few whole blocks left where single addresses are all over it", () => {
    const space = spaceOf("10.0.0.0/24");
    for (let taken = 0; taken < 60; taken++) space.take(32);
    // A packed subnet would have 11.
    expect(space.freeBlocks).toBeLessThan(3);
    expect(space.freeAddresses).toBe(191);
  });

  it("hands out every address once, then none", () => {
    const space = spaceOf("10.0.0.0/26");
    const taken = new Set<string>();
    for (let next = space.take(32); next !== undefined; next = space.take(32)) taken.add(next);
    expect([taken.size, space.freeAddresses]).toEqual([59, 0]);
  });

  it("has blocks of IPv6, of which no address is taken", () => {
    const space = spaceOf("2001:db8::/64");
    const single = parseCidr(space.take(128)!);
    const block = parseCidr(space.take(80)!);
    expect([block.prefix, block.containsCidr(single)]).toEqual([80, false]);
  });

  it("never has two overlap, and has as much free as before once all are given back", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.constantFrom(32, 28), { maxLength: 40 }), (seed, prefixes) => {
        const space = spaceOf("10.0.0.0/25", seed);
        const before = [space.freeAddresses, space.freeBlocks];
        const taken = prefixes
          .map((prefix) => space.take(prefix))
          .filter((cidr) => cidr !== undefined)
          .map((cidr) => parseCidr(cidr));
        for (const [index, one] of taken.entries())
          for (const other of taken.slice(index + 1)) expect(one.overlaps(other)).toBe(false);
        for (const one of taken) expect(() => space.takeExactly(one)).toThrow(/in use/);
        for (const one of taken) space.release(one);
        expect([space.freeAddresses, space.freeBlocks]).toEqual(before);
      }),
    );
  });
});
