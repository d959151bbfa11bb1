import { describe, expect, it } from "vitest";
import { formatCidr } from "../../src/address/index.ts";
import { LabelTable } from "../../src/labels/index.ts";
import { prefixesOf, prefixLabel } from "../../src/policy/prefix-labels.ts";

const labels = new LabelTable();
const read = (...texts: string[]): string[] => prefixesOf(labels.fromStrings(texts)).map(formatCidr);

describe("a label with a prefix", () => {
  it.each([
    ["10.244.0.0/16", "cidr:10.244.0.0/16", "10.244.0.0/16"],
    ["10.1.2.3", "cidr:10.1.2.3/32", "10.1.2.3/32"],
    ["2001:DB8::/32", "cidr:2001-db8--0/32", "2001:db8::/32"],
    ["2001:db8::7", "cidr:2001-db8--7/128", "2001:db8::7/128"],
    ["::1", "cidr:0--1/128", "::1/128"],
    ["::/0", "cidr:0--0/0", "::/0"],
    ["0.0.0.0/0", "cidr:0.0.0.0/0", "0.0.0.0/0"],
  ])("of %s is %s, and can be read again", (prefix, label, canonical) => {
    expect(prefixLabel(prefix)).toBe(label);
    expect(read(label)).toEqual([canonical]);
  });

  it.each(["10.0.0.1/8", "10.0.0", ""])("is refused for %j", (prefix) => {
    expect(() => prefixLabel(prefix)).toThrow(expect.objectContaining({ name: "NetloomError" }));
  });

  it("says nothing where it is no prefix, or another source's", () => {
    expect(read("cidr:everywhere", "cidr:10.0.0.0", "k8s:10.0.0.0/8")).toEqual([]);
  });

  it("gives way to a narrower one", () => {
    expect(read("cidr:10.0.0.0/8", "cidr:10.1.2.3/32", "cidr:fd00--0/8")).toEqual([
      "10.1.2.3/32",
      "fd00::/8",
    ]);
  });
});
