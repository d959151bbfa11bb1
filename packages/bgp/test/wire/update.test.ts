import { describe, expect, it } from "vitest";
import { encodeEndOfRib, readNlri, UpdateDecoder } from "../../src/wire/index.ts";
import { attributeOf, contextOf, toHex, updateOf } from "./support/build.ts";

const ORIGIN = attributeOf(0x40, 1, "00");
const NEXT_HOP = attributeOf(0x40, 3, "0a000001");

describe("UPDATE", () => {
  it.each(["ipv4-unicast", "ipv6-unicast"] as const)("End-of-RIB of %s is seen", (family) => {
    const decoder = new UpdateDecoder(contextOf());
    expect(decoder.decode(encodeEndOfRib(family))).toEqual({
      withdrawn: [],
      reach: [],
      endOfRib: family,
      faults: [],
    });
  });

  it("End-of-RIB is on the wire what RFC 4724 says", () => {
    expect(toHex(encodeEndOfRib("ipv4-unicast")).slice(32)).toBe("00170200000000");
    expect(toHex(encodeEndOfRib("ipv6-unicast")).slice(32)).toBe("001d0200000006800f03000201");
  });

  it("End-of-RIB of a family that was not agreed on is none", () => {
    const decoder = new UpdateDecoder(contextOf({ families: ["ipv4-unicast"] }));
    expect(decoder.decode(encodeEndOfRib("ipv6-unicast")).endOfRib).toBeUndefined();
  });

  it("a withdrawal of nothing beside attributes is no End-of-RIB", () => {
    const attributes = ORIGIN + attributeOf(0x80, 15, "000201");
    expect(new UpdateDecoder(contextOf()).decode(updateOf({ attributes })).endOfRib).toBeUndefined();
  });

  it("bits beyond a prefix's length are not trusted", () => {
    const update = new UpdateDecoder(contextOf()).decode(updateOf({ withdrawn: "0cffff 00 090a80" }));
    expect(update.withdrawn.flatMap((run) => [...readNlri(run)].map(({ prefix }) => prefix))).toEqual([
      "255.240.0.0/12",
      "0.0.0.0/0",
      "10.128.0.0/9",
    ]);
  });

  it("has path identifiers only where that was agreed on, by family and direction", () => {
    const message = updateOf({ withdrawn: "00000007180a0100" });
    const paths = contextOf({ addPathReceive: ["ipv4-unicast"] });
    const [run] = new UpdateDecoder(paths).decode(message).withdrawn;
    expect(run && [...readNlri(run)]).toEqual([{ prefix: "10.1.0.0/24", pathId: 7 }]);
    const [other] = new UpdateDecoder(contextOf({ addPathSend: ["ipv4-unicast"] })).decode(message).withdrawn;
    expect(other?.count).toBe(5);
  });

  it("equal keys stand for equal attributes: other attributes, another next hop, classic or not make another key", () => {
    const path = attributeOf(0x40, 2, "02010000fde9");
    const decoder = new UpdateDecoder(contextOf({ extendedNextHop: true }));
    const mp = (nextHop: string, afi = "0001"): string =>
      attributeOf(0x80, 14, `${afi}01${(nextHop.length / 2).toString(16).padStart(2, "0")}${nextHop}00080b`);
    const six = "20010db8000000000000000000000001";
    const keys = [
      updateOf({ attributes: ORIGIN + path + NEXT_HOP, nlri: "080a" }),
      updateOf({ attributes: attributeOf(0x40, 1, "01") + path + NEXT_HOP, nlri: "080a" }),
      updateOf({ attributes: mp("0a000001") + ORIGIN + path }),
      updateOf({ attributes: mp("0a000002") + ORIGIN + path }),
      updateOf({ attributes: mp(six) + ORIGIN + path }),
      updateOf({ attributes: mp(six + six) + ORIGIN + path }),
    ].map((message) => toHex(decoder.decode(message).reach[0]?.key ?? new Uint8Array(0)));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("does not take an UPDATE's attributes for those of the one before", () => {
    const decoder = new UpdateDecoder(contextOf());
    const of = (value: string, nlri: string): Uint8Array =>
      updateOf({ attributes: ORIGIN + attributeOf(0x40, 2, value) + NEXT_HOP, nlri });
    const good = of("02010000fde9", "080a");
    const bad = of("05010000fde9", "080a");
    for (const message of [good, bad, bad, good, good, bad]) {
      const update = decoder.decode(message);
      expect(update.reach.length).toBe(message === good ? 1 : 0);
      expect(update.faults.length).toBe(message === good ? 0 : 1);
    }
  });

  it("one message may withdraw and announce in both families", () => {
    const attributes =
      attributeOf(0x80, 14, "0002011020010db800000000000000000000000100102001") +
      ORIGIN +
      attributeOf(0x40, 2, "") +
      NEXT_HOP +
      attributeOf(0x80, 15, "000201102002");
    const update = new UpdateDecoder(contextOf()).decode(
      updateOf({ withdrawn: "080b", attributes, nlri: "080a" }),
    );
    expect(update.faults).toEqual([]);
    expect(update.withdrawn.flatMap((run) => [...readNlri(run)].map(({ prefix }) => prefix))).toEqual([
      "11.0.0.0/8",
      "2002::/16",
    ]);
    const reach = update.reach.map(({ run, attributes: decode }) => [
      [...readNlri(run)][0]?.prefix,
      decode().nextHop,
    ]);
    expect(reach).toEqual([
      ["10.0.0.0/8", "10.0.0.1"],
      ["2001::/16", "2001:db8::1"],
    ]);
  });

  it.each([
    ["one address", "20010db8000000000000000000000001", "2001:db8::1", undefined],
    [
      "a link-local one beside it",
      "20010db8000000000000000000000001fe800000000000000000000000000001",
      "2001:db8::1",
      "fe80::1",
    ],
    [
      "none, and a link-local one",
      "00000000000000000000000000000000fe800000000000000000000000000001",
      "fe80::1",
      undefined,
    ],
    [
      "a link-local one twice",
      "fe800000000000000000000000000001fe800000000000000000000000000001",
      "fe80::1",
      undefined,
    ],
  ])("IPv4 prefixes over IPv6, next hop of %s (RFC 8950, RFC 2545)", (_, bytes, nextHop, linkLocal) => {
    const size = (bytes.length / 2).toString(16);
    const attributes =
      attributeOf(0x80, 14, `000101${size}${bytes}00080a`) + ORIGIN + attributeOf(0x40, 2, "");
    const decoder = new UpdateDecoder(contextOf({ extendedNextHop: true }));
    const [reach] = decoder.decode(updateOf({ attributes })).reach;
    expect(reach?.run.family).toBe("ipv4-unicast");
    expect(reach?.attributes()).toMatchObject({ nextHop });
    expect(reach?.attributes().linkLocalNextHop).toBe(linkLocal);
  });
});
