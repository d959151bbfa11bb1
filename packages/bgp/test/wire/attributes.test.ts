import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeAttributes,
  packReach,
  type PathAttributes,
  prefixSource,
  UpdateDecoder,
  type WireContext,
} from "../../src/wire/index.ts";
import { pathAttributes } from "./support/arbitraries.ts";
import { contextOf, toHex } from "./support/build.ts";

const simple: PathAttributes = {
  origin: "igp",
  asPath: [{ type: "sequence", asns: [65001] }],
  nextHop: "10.0.0.1",
};

function encoded(attributes: Partial<PathAttributes>, context: WireContext): string {
  return toHex(encodeAttributes({ ...simple, ...attributes }, context, "ipv4-unicast").bytes);
}

function carried(attributes: PathAttributes, context: WireContext): PathAttributes | undefined {
  const bytes = encodeAttributes(attributes, context, "ipv4-unicast");
  const packed = packReach(
    context,
    "ipv4-unicast",
    bytes,
    prefixSource([{ prefix: "10.0.0.0/8" }], false),
    0,
    1,
  );
  const update = packed && new UpdateDecoder(context).decode(packed.message);
  expect(update?.faults).toEqual([]);
  return update?.reach[0]?.attributes();
}

describe("attributes on the wire", () => {
  it("all of them, in the order of their numbers", () => {
    const all: Partial<PathAttributes> = {
      unknown: [{ flags: 0xe0, type: 30, value: Uint8Array.of(7) }],
      onlyToCustomer: 65001,
      largeCommunities: [[65001, 1, 2]],
      extendedCommunities: [0x0002_fde9_0000_0001n],
      clusterList: ["10.0.0.7", "10.0.0.8"],
      originatorId: "10.0.0.9",
      communities: [0xffff_ff01],
      aggregator: { asn: 65001, address: "10.0.0.2" },
      atomicAggregate: true,
      localPref: 100,
      med: 5,
    };
    expect(encoded(all, contextOf())).toBe(
      [
        ...["40010100", "40020602010000fde9", "4003040a000001", "80040400000005", "40050400000064", "400600"],
        ...["c007080000fde90a000002", "c00804ffffff01", "8009040a000009", "800a080a0000070a000008"],
        ...["c010080002fde900000001", "e01e0107", "c0200c0000fde90000000100000002", "c023040000fde9"],
      ].join(""),
    );
  });

  it("LOCAL_PREF and what belongs to route reflection stay within the AS", () => {
    const inside = { localPref: 100, originatorId: "10.0.0.9", clusterList: ["10.0.0.7"] };
    expect(encoded(inside, contextOf({ internal: false }))).toBe(encoded({}, contextOf()));
  });

  it("a peer with two-byte AS numbers gets AS_TRANS, and the true ones beside it (RFC 6793 4.2.2)", () => {
    const old = contextOf({ fourOctetAs: false });
    const large: Partial<PathAttributes> = {
      asPath: [
        { type: "confed-sequence", asns: [64512] },
        { type: "sequence", asns: [65001, 70000] },
      ],
      aggregator: { asn: 70000, address: "10.0.0.2" },
    };
    expect(encoded(large, old)).toBe(
      [
        ...["40010100", "40020a 0301fc00 0202fde95ba0", "4003040a000001", "c007065ba00a000002"],
        ...["c0110a 0202 0000fde9 00011170", "c01208 00011170 0a000002"],
      ]
        .join("")
        .replaceAll(" ", ""),
    );
    expect(encoded({ aggregator: { asn: 65001, address: "10.0.0.2" } }, old)).toBe(
      "400101004002040201fde94003040a000001c00706fde90a000002",
    );
  });

  it("carries the true AS path through two bytes, where no confederation is in it", () => {
    const old = contextOf({ fourOctetAs: false });
    const path = fc.array(
      fc.integer({ min: 1, max: 0xffff_ffff }).filter((asn) => asn !== 23456),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(path, (asns) => {
        const attributes: PathAttributes = { ...simple, asPath: [{ type: "sequence", asns }] };
        expect(carried(attributes, old)).toEqual(attributes);
      }),
    );
    fc.assert(
      fc.property(pathAttributes("ipv4-unicast"), (attributes) => {
        expect(carried(attributes, old)).toEqual(carried(attributes, contextOf()));
      }),
    );
  });

  it("a path of more than 255 AS numbers takes several segments", () => {
    const asns = Array.from({ length: 600 }, (_, index) => index + 1);
    const read = carried({ ...simple, asPath: [{ type: "sequence", asns }] }, contextOf());
    expect(read?.asPath.map((segment) => segment.asns.length)).toEqual([255, 255, 90]);
    expect(read?.asPath.flatMap((segment) => segment.asns)).toEqual(asns);
    expect(
      carried(
        { ...simple, asPath: [{ type: "sequence", asns: [...asns, 70000] }] },
        contextOf({ fourOctetAs: false }),
      )?.asPath.flatMap((segment) => segment.asns),
    ).toEqual([...asns, 70000]);
  });

  it.each([
    [63, "c008fc"],
    [64, "d0080100"],
  ])("%i communities begin with %s", (count, header) => {
    const communities = Array.from({ length: count }, (_, index) => index);
    expect(encoded({ communities }, contextOf())).toContain(`${header}0000000000000001`);
    expect(carried({ ...simple, communities }, contextOf())?.communities).toEqual(communities);
  });

  it("what is empty is not sent", () => {
    const empty = {
      communities: [],
      extendedCommunities: [],
      largeCommunities: [],
      clusterList: [],
      unknown: [],
    };
    expect(encoded({ ...empty, atomicAggregate: false }, contextOf())).toBe(encoded({}, contextOf()));
  });

  it("a next hop is where its family needs it (RFC 4760, RFC 8950)", () => {
    const context = contextOf({ extendedNextHop: true });
    const of = (
      nextHop: string,
      family: "ipv4-unicast" | "ipv6-unicast",
      linkLocalNextHop?: string,
    ): string => {
      const { bytes, mpNextHop } = encodeAttributes(
        { ...simple, nextHop, linkLocalNextHop },
        context,
        family,
      );
      return `${toHex(bytes).includes("400304")} ${mpNextHop?.length}`;
    };
    expect(of("10.0.0.1", "ipv4-unicast")).toBe("true undefined");
    expect(of("2001:db8::1", "ipv4-unicast")).toBe("false 16");
    expect(of("2001:db8::1", "ipv6-unicast", "fe80::1")).toBe("false 32");
  });

  it.each([
    ["an IPv4 next hop for IPv6", { nextHop: "10.0.0.1" }, "ipv6-unicast"],
    ["an IPv6 next hop for IPv4 that was not agreed on", { nextHop: "2001:db8::1" }, "ipv4-unicast"],
    ["a next hop that is no address", { nextHop: "router" }, "ipv4-unicast"],
    ["a MED of 33 bits", { med: 2 ** 32 }, "ipv4-unicast"],
    ["a negative preference", { localPref: -1 }, "ipv4-unicast"],
    ["an extended community of 65 bits", { extendedCommunities: [2n ** 64n] }, "ipv4-unicast"],
  ] as const)("%s is refused", (_, changes, family) => {
    expect(() => encodeAttributes({ ...simple, ...changes }, contextOf(), family)).toThrow(RangeError);
  });

  it("a large community that is there twice is there once (RFC 8092 5)", () => {
    expect(
      carried(
        {
          ...simple,
          largeCommunities: [
            [1, 2, 3],
            [4, 5, 6],
            [1, 2, 3],
          ],
        },
        contextOf(),
      )?.largeCommunities,
    ).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});
