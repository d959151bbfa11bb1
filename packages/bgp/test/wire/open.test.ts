import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Capability, decodeOpen, encodeOpen, type Open } from "../../src/wire/index.ts";
import { messageOf, refusedWith, toHex } from "./support/build.ts";

const ROLES = ["provider", "rs", "rs-client", "customer", "peer"] as const;
/** Version 4, AS 65001, 90 s, 10.0.0.1. */
const FIXED = "04fde9005a0a000001";

const uint = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
const family = { afi: uint(16), safi: uint(8) };
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const label = fc.string({ maxLength: 20, unit: "grapheme" });

const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ kind: fc.constant("multiprotocol" as const), ...family }),
  fc.constantFrom(
    { kind: "route-refresh" as const },
    { kind: "extended-message" as const },
    { kind: "enhanced-route-refresh" as const },
  ),
  fc.record({
    kind: fc.constant("extended-next-hop" as const),
    families: fc.array(fc.record({ afi: uint(16), safi: uint(16), nextHopAfi: uint(16) }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant("role" as const),
    role: fc.oneof(fc.constantFrom(...ROLES), fc.integer({ min: 5, max: 255 })),
  }),
  fc.record({
    kind: fc.constant("graceful-restart" as const),
    restarted: fc.boolean(),
    notification: fc.boolean(),
    restartTime: uint(12),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean() }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant("add-path" as const),
    families: fc.array(
      fc
        .record({ ...family, send: fc.boolean(), receive: fc.boolean() })
        .filter(({ send, receive }) => send || receive),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    kind: fc.constant("long-lived-graceful-restart" as const),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean(), staleTime: uint(24) }), {
      maxLength: 5,
    }),
  }),
  fc.record({ kind: fc.constant("fqdn" as const), host: label, domain: label }),
  fc.record({
    kind: fc.constant("unknown" as const),
    code: fc.integer({ min: 128, max: 255 }),
    value: bytes(60),
  }),
);

const open: fc.Arbitrary<Open> = fc
  .record({
    asn: fc.integer({ min: 1, max: 0xffff_ffff }).filter((asn) => asn !== 23456),
    holdTime: uint(16).filter((seconds) => seconds !== 1 && seconds !== 2),
    routerId: fc.ipV4().filter((id) => id !== "0.0.0.0"),
    capabilities: fc.array(capability, { maxLength: 12 }),
  })
  .map((open) => ({
    ...open,
    capabilities: [...open.capabilities, { kind: "four-octet-as" as const, asn: open.asn }],
  }));

describe("OPEN", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(open, (open) => {
        expect(decodeOpen(encodeOpen(open))).toEqual(open);
      }),
    );
  });

  it("is on the wire what the RFCs say", () => {
    const message = encodeOpen({
      asn: 4_200_000_001,
      holdTime: 90,
      routerId: "10.0.0.1",
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "route-refresh" },
        { kind: "extended-next-hop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
        { kind: "extended-message" },
        { kind: "role", role: "customer" },
        {
          kind: "graceful-restart",
          restarted: true,
          notification: true,
          restartTime: 120,
          families: [{ afi: 2, safi: 1, forwarding: true }],
        },
        { kind: "four-octet-as", asn: 4_200_000_001 },
        { kind: "add-path", families: [{ afi: 1, safi: 1, send: true, receive: false }] },
        { kind: "enhanced-route-refresh" },
        {
          kind: "long-lived-graceful-restart",
          families: [{ afi: 2, safi: 1, forwarding: true, staleTime: 3600 }],
        },
        { kind: "fqdn", host: "a", domain: "b" },
      ],
    });
    expect(toHex(message.subarray(18))).toBe(
      [
        ...["01", "04", "5ba0", "005a", "0a000001", "3c", "023a"],
        ...["010400010001", "0200", "0506000100010002", "0600", "090103"],
        ...["4006c07800020180", "4104fa56ea01", "450400010102", "4600", "470700020180000e10", "490401610162"],
      ].join(""),
    );
  });

  it("says AS_TRANS only where its number needs it", () => {
    const encoded = (asn: number): string =>
      toHex(
        encodeOpen({
          asn,
          holdTime: 90,
          routerId: "10.0.0.1",
          capabilities: [{ kind: "four-octet-as", asn }],
        }),
      ).slice(40, 44);
    expect(encoded(65535)).toBe("ffff");
    expect(encoded(65536)).toBe("5ba0");
    expect(() => encodeOpen({ asn: 65536, holdTime: 90, routerId: "10.0.0.1", capabilities: [] })).toThrow(
      RangeError,
    );
  });

  it("has the long form when the short one is too small, and not before (RFC 9072)", () => {
    const of = (size: number): Uint8Array =>
      encodeOpen({
        asn: 1,
        holdTime: 90,
        routerId: "10.0.0.1",
        capabilities: [{ kind: "unknown", code: 200, value: new Uint8Array(size) }],
      });
    expect(toHex(of(250).subarray(28, 33))).toBe("fe02fcc8fa");
    expect(toHex(of(251).subarray(28, 37))).toBe("ffff01000200fdc8fb");
  });

  it.each([
    ["no parameters", "00", 0],
    ["all in one parameter", "0a 02 08 0200 010400010001", 2],
    ["a parameter for each", "0c 02 02 0200 02 06 010400010001", 2],
    ["a parameter that is empty", "02 02 00", 0],
    ["the long form where the short one would do", "ff ff 000b 02 0008 0200 010400010001", 2],
    ["the long form with another length before it", "04 ff 000b 02 0008 0200 010400010001", 2],
    ["a capability twice", "06 02 04 0200 0200", 2],
  ])("takes %s", (_, parameters, count) => {
    const open = decodeOpen(messageOf(1, FIXED, parameters));
    expect(open).toMatchObject({ asn: 65001, holdTime: 90, routerId: "10.0.0.1" });
    expect(open.capabilities).toHaveLength(count);
  });

  it("keeps what it does not know, and an ADD-PATH of a mode that does not exist", () => {
    const open = decodeOpen(messageOf(1, FIXED, "0c 02 0a c8 02 0102 45 04 00010104"));
    expect(open.capabilities).toEqual([
      { kind: "unknown", code: 200, value: Uint8Array.of(1, 2) },
      { kind: "unknown", code: 69, value: Uint8Array.of(0, 1, 1, 4) },
    ]);
  });

  it.each([
    ["version 3", "03fde9005a0a00000100", "02010004"],
    ["AS 0", "040000005a0a00000100", "0202"],
    ["AS 0 in the capability", `${FIXED} 08 02 06 4104 00000000`, "0202"],
    ["AS_TRANS as the true number", "045ba0005a0a000001 08 02 06 4104 00005ba0", "0202"],
    ["two AS numbers", `${FIXED} 08 02 06 4104 0000fdea`, "0202"],
    ["BGP identifier 0 (RFC 6286)", "04fde9005a00000000 00", "0203"],
    ["a parameter that is no capabilities", `${FIXED} 03 01 01 00`, "0204"],
    ["a hold time of 1 s", "04fde900010a000001 00", "0206"],
    ["a hold time of 2 s", "04fde900020a000001 00", "0206"],
    ["parameters beyond the end", `${FIXED} 05 02 02 0200`, "0200"],
    ["bytes behind the parameters", `${FIXED} 00 00`, "0200"],
    ["a parameter cut short", `${FIXED} 03 02 02 02`, "0200"],
    ["a parameter's type alone", `${FIXED} 01 02`, "0200"],
    ["a capability cut short", `${FIXED} 05 02 03 010400`, "0200"],
    ["a capability of the wrong length", `${FIXED} 05 02 03 410100`, "0200"],
    ["a long form that ends at once", `${FIXED} 01 ff`, "0200"],
    ["a long form of the wrong length", `${FIXED} ff ff 0009 02 0002 0200`, "0200"],
  ])("refuses %s", (_, body, wanted) => {
    expect(refusedWith(() => decodeOpen(messageOf(1, body)))).toBe(wanted);
  });

  it.each([0, 3, 65535])("takes a hold time of %i s", (holdTime) => {
    const body = `04fde9${holdTime.toString(16).padStart(4, "0")}0a00000100`;
    expect(decodeOpen(messageOf(1, body)).holdTime).toBe(holdTime);
  });
});
