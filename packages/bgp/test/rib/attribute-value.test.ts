import { describe, expect, it } from "vitest";
import { hashAttributes } from "../../src/rib/attribute-value.ts";
import type { PathAttributes } from "../../src/wire/attributes.ts";
import { via } from "./support/updates.ts";

describe("the hash of attributes", () => {
  const address = (number: number) => `10.0.${number >>> 8}.${number & 255}`;
  /** So many values of each, all else alike: what a peer may send by the thousand. */
  const fields: Readonly<Record<string, (number: number) => Partial<PathAttributes>>> = {
    "the path": (number) => ({ asPath: [{ type: "sequence", asns: [65001, number] }] }),
    "the next hop": (number) => ({ nextHop: address(number) }),
    "the link-local next hop": (number) => ({ linkLocalNextHop: `fe80::${number.toString(16)}` }),
    "the MED": (number) => ({ med: number }),
    "the local preference": (number) => ({ localPref: number }),
    "the aggregator's AS": (number) => ({ aggregator: { asn: number, address: "10.0.0.1" } }),
    "the aggregator's address": (number) => ({ aggregator: { asn: 65001, address: address(number) } }),
    "a community": (number) => ({ communities: [number] }),
    "an extended community's lower half": (number) => ({ extendedCommunities: [BigInt(number)] }),
    "an extended community's upper half": (number) => ({ extendedCommunities: [BigInt(number) << 32n] }),
    "a large community": (number) => ({ largeCommunities: [[65001, 1, number]] }),
    "the originator": (number) => ({ originatorId: address(number) }),
    "the cluster list": (number) => ({ clusterList: ["10.9.9.9", address(number)] }),
    "who it is only for": (number) => ({ onlyToCustomer: number }),
    "an unknown attribute's type and flags": (number) => ({
      unknown: [{ flags: 0xc0 | ((number >>> 8) & 0xf), type: number & 255, value: Uint8Array.of(1) }],
    }),
    "an unknown attribute's value": (number) => ({
      unknown: [{ flags: 0xc0, type: 99, value: Uint8Array.of(number >>> 8, number) }],
    }),
  };

  it.each(Object.entries(fields))("tells apart what differs in %s alone", (_, of) => {
    const hashes = new Set<number>();
    for (let number = 0; number < 4096; number += 1) hashes.add(hashAttributes(via([65001], of(number))));
    expect(hashes.size).toBeGreaterThan(4080);
  });

  it("tells an atomic aggregate apart", () => {
    expect(hashAttributes(via([65001], { atomicAggregate: true }))).not.toBe(hashAttributes(via([65001])));
  });

  it("is the same where what is left out is said", () => {
    const said = { atomicAggregate: false, communities: [], clusterList: [], unknown: [], med: undefined };
    expect(hashAttributes(via([65001], said))).toBe(hashAttributes(via([65001])));
  });
});
