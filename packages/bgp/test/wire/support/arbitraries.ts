import * as fc from "fast-check";
import type { AsPathSegment, Family, PathAttributes, WireContext } from "../../../src/wire/index.ts";
import { contextOf } from "./build.ts";

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const asn = fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0x1_0000, max: 0xffff_ffff }));

const segment: fc.Arbitrary<AsPathSegment> = fc.record({
  type: fc.constantFrom("sequence" as const, "set" as const),
  asns: fc.array(asn, { minLength: 1, maxLength: 12 }),
});

const host = fc
  .tuple(fc.integer({ min: 1, max: 223 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }))
  .map(([a, b, c]) => `${a}.${b}.${c}.1`);

const global = fc.integer({ min: 1, max: 0xffff }).map((group) => `2001:db8::${group.toString(16)}`);

/** Attributes of a family as an internal session with four-byte AS numbers carries them. */
export function pathAttributes(family: Family): fc.Arbitrary<PathAttributes> {
  const nextHop: fc.Arbitrary<{ nextHop: string; linkLocalNextHop?: string }> =
    family === "ipv4-unicast"
      ? fc.record({ nextHop: host })
      : fc.oneof(
          fc.record({ nextHop: global }),
          fc.record({ nextHop: global, linkLocalNextHop: fc.constant("fe80::1") }),
        );
  const others = fc.record(
    {
      origin: fc.constantFrom("igp" as const, "egp" as const, "incomplete" as const),
      asPath: fc.array(segment, { maxLength: 5 }),
      med: uint32,
      localPref: uint32,
      atomicAggregate: fc.constant(true),
      aggregator: fc.record({ asn, address: host }),
      communities: fc.array(uint32, { minLength: 1, maxLength: 80 }),
      extendedCommunities: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), {
        minLength: 1,
        maxLength: 5,
      }),
      largeCommunities: fc.uniqueArray(fc.tuple(uint32, uint32, uint32), {
        minLength: 1,
        maxLength: 5,
        selector: (parts) => parts.join(":"),
      }),
      originatorId: host,
      clusterList: fc.array(host, { minLength: 1, maxLength: 5 }),
      onlyToCustomer: uint32,
      unknown: fc
        .uniqueArray(fc.integer({ min: 100, max: 127 }), { minLength: 1, maxLength: 3 })
        .map((types) =>
          types
            .toSorted((left, right) => left - right)
            .map((type) => ({ flags: 0xe0, type, value: new Uint8Array(type * 3).fill(type) })),
        ),
    },
    { requiredKeys: ["origin", "asPath"] },
  );
  return fc.tuple(nextHop, others).map(([hops, rest]) => ({ ...rest, ...hops }));
}

/** Sessions that differ in what changes how bytes are read. */
export const contexts: fc.Arbitrary<WireContext> = fc
  .record({
    fourOctetAs: fc.boolean(),
    internal: fc.boolean(),
    extendedNextHop: fc.boolean(),
    addPath: fc.subarray<Family>(["ipv4-unicast", "ipv6-unicast"]),
    maxMessage: fc.constantFrom(4096, 65535),
  })
  .map(({ addPath, ...changes }) => contextOf({ ...changes, addPathReceive: addPath, addPathSend: addPath }));
