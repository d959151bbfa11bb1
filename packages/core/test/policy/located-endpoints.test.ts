import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCidr } from "../../src/address/index.ts";
import { LabelTable } from "../../src/labels/index.ts";
import { LocatedEndpoints, locationOf, type Location } from "../../src/policy/located-endpoints.ts";
import { prefixLabel } from "../../src/policy/prefix-labels.ts";

const labels = new LabelTable();
const at = (...prefixes: string[]): ReturnType<LabelTable["fromStrings"]> =>
  labels.fromStrings(prefixes.map(prefixLabel));

/** `10.0.0.0/8 10.1.0.0/16`: the first but for the rest. */
function location(blocks: readonly string[], inDoubt = false): Location {
  const parsed = blocks.map((text) => {
    const [cidr, ...except] = text.split(" ").map(parseCidr);
    return { cidr: cidr!, except };
  });
  return locationOf(parsed, inDoubt);
}

/** Is somebody who says this there? */
function isThere(of: Location, ...prefixes: string[]): boolean {
  const located = new LocatedEndpoints(() => {});
  located.acquire(of);
  located.update([[300, at(...prefixes)]]);
  return located.get(of)!.ids.has(300);
}

describe("an endpoint with a prefix on its label", () => {
  const holed = ["10.0.0.0/8 10.1.0.0/16"];

  it("is allowed where all of the prefix is", () => {
    expect(isThere(location(holed), "10.2.0.0/16")).toBe(true);
    expect(isThere(location(holed), "10.1.2.3")).toBe(false);
    expect(isThere(location(holed), "11.0.0.1")).toBe(false);
  });

  it("is not allowed, but denied, where only some of the prefix is", () => {
    expect(isThere(location(holed), "10.0.0.0/8")).toBe(false);
    expect(isThere(location(holed, true), "10.0.0.0/8")).toBe(true);
    expect(isThere(location(holed, true), "10.1.0.0/24")).toBe(false);
  });

  it("is where two blocks together hold its prefix", () => {
    expect(isThere(location(["10.0.0.0/9", "10.128.0.0/9"]), "10.0.0.0/8")).toBe(true);
    expect(isThere(location([...holed, "10.1.0.0/16"]), "10.0.0.0/8")).toBe(true);
  });

  it("is allowed with two families where both are, and denied where one is", () => {
    expect(isThere(location(["10.0.0.0/8"]), "10.2.0.1", "2001:db8::1")).toBe(false);
    expect(isThere(location(["10.0.0.0/8"], true), "10.2.0.1", "2001:db8::1")).toBe(true);
    expect(isThere(location(["10.0.0.0/8", "2001:db8::/32"]), "10.2.0.1", "2001:db8::1")).toBe(true);
  });

  it("is nowhere without one, even where all addresses are meant", () => {
    expect(isThere(location(["0.0.0.0/0", "::/0"]))).toBe(false);
    expect(isThere(location(["0.0.0.0/0", "::/0"], true))).toBe(false);
  });
});

describe("a location", () => {
  it("is followed while identities come, go and change, and as long as somebody holds it", () => {
    const located = new LocatedEndpoints(() => {});
    const changes: number[] = [];
    located.events.on("located:changed", ({ ids }) => changes.push(ids.size));
    const ten = location(["10.0.0.0/8"]);
    located.update([[300, at("10.0.0.1")]]);
    located.acquire(ten);
    located.acquire(ten);
    expect([...located.get(ten)!.ids]).toEqual([300]);
    located.update([
      [301, at("10.0.0.2")],
      [302, at("11.0.0.1")],
    ]);
    located.update([[302, at("12.0.0.1")]]);
    located.update([[300, undefined]]);
    located.update([[301, at("11.0.0.1")]]);
    expect(changes).toEqual([2, 1, 0]);
    located.release(ten);
    expect(located.get(ten)).toBeDefined();
    located.release(ten);
    expect(located.get(ten)).toBeUndefined();
  });

  it("has the same endpoints whether it was followed before they came or after", () => {
    const blocks = fc.subarray([
      "10.0.0.0/8 10.1.0.0/16",
      "10.1.2.0/24",
      "0.0.0.0/0",
      "fd00::/8",
      "fd00::1/128",
    ]);
    const prefixes = fc.subarray(["10.0.0.0/8", "10.1.2.0/25", "10.1.2.3/32", "fd00::/8", "fd00::1/128"]);
    const step = fc.record({ id: fc.nat(3), prefixes: fc.option(prefixes, { nil: undefined }) });
    const locations = fc.array(fc.tuple(blocks, fc.boolean()), { maxLength: 4 });
    fc.assert(
      fc.property(locations, fc.array(step), (drawn, history) => {
        const before = new LocatedEndpoints(() => {});
        const after = new LocatedEndpoints(() => {});
        const all = drawn.map(([of, inDoubt]) => location(of, inDoubt));
        for (const one of all) before.acquire(one);
        for (const { id, prefixes } of history) {
          const labels = prefixes && at(...prefixes);
          before.update([[id, labels]]);
          after.update([[id, labels]]);
        }
        for (const one of all) {
          after.acquire(one);
          expect(new Set(before.get(one)!.ids)).toEqual(new Set(after.get(one)!.ids));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is the same one for blocks that mean the same", () => {
    expect(location(["10.0.0.0/9", "10.128.0.0/9"]).key).toBe(location(["10.0.0.0/8"]).key);
    expect(location(["10.0.0.0/8"], true).key).not.toBe(location(["10.0.0.0/8"]).key);
  });
});
