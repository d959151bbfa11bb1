import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BMP_STATISTIC,
  BmpReader,
  decodeBmp,
  encodeBmp,
  type BmpInformation,
  type BmpMessage,
  type BmpPeer,
  type BmpStatistic,
  type PeerDownReason,
} from "../../src/bmp/wire.ts";
import { BgpError } from "../../src/errors.ts";
import { encodeKeepalive } from "../../src/wire/header.ts";
import { hex, messageOf, toHex, updateOf } from "../wire/support/build.ts";

const peer: BmpPeer = {
  type: 0,
  distinguisher: 0n,
  address: "192.0.2.2",
  asn: 65_002,
  routerId: "10.0.0.2",
  postPolicy: false,
  legacyAsPath: false,
  adjRibOut: false,
  at: 1_700_000_000_250.5,
};

/** RFC 7854 section 4.2, by hand: type, flags, distinguisher, address, AS, identifier, seconds, microseconds. */
const header = [
  ...["00", "00", "0000000000000000"],
  ...["000000000000000000000000c0000202", "0000fdea", "0a000002"],
  ...["6553f100", "0003d284"],
].join("");

const open = messageOf(1, "04", "fdea", "005a", "0a000002", "00");
const update = updateOf({ withdrawn: "180a0100" });
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const vectors: readonly (readonly [what: string, message: BmpMessage, bytes: string])[] = [
  [
    "Initiation",
    {
      kind: "initiation",
      information: [
        { type: 1, value: text("d") },
        { type: 2, value: text("r1") },
      ],
    },
    "03 00000011 04 0001 0001 64 0002 0002 7231",
  ],
  ["Termination", { kind: "termination", reason: 0, information: [] }, "03 0000000c 05 0001 0002 0000"],
  [
    "Peer Up",
    {
      kind: "peer-up",
      peer,
      localAddress: "192.0.2.1",
      ...{ localPort: 179, remotePort: 40_000, sent: open, received: open, information: [] },
    },
    `03 0000007e 03 ${header} 000000000000000000000000c0000201 00b3 9c40 ${toHex(open)} ${toHex(open)}`,
  ],
  [
    "Peer Down with what was sent",
    {
      kind: "peer-down",
      peer,
      reason: { by: "local", notification: { code: 6, subcode: 2, data: hex("00") } },
    },
    `03 00000047 02 ${header} 01 ${toHex(messageOf(3, "060200"))}`,
  ],
  [
    "Peer Down without a word of ours",
    { kind: "peer-down", peer, reason: { by: "local", fsmEvent: 2 } },
    `03 00000033 02 ${header} 02 0002`,
  ],
  [
    "Peer Down with what came",
    {
      kind: "peer-down",
      peer,
      reason: { by: "remote", notification: { code: 4, subcode: 0, data: hex("") } },
    },
    `03 00000046 02 ${header} 03 ${toHex(messageOf(3, "0400"))}`,
  ],
  [
    "Peer Down without a word of the peer",
    { kind: "peer-down", peer, reason: { by: "remote" } },
    `03 00000031 02 ${header} 04`,
  ],
  [
    "Peer Down by configuration",
    { kind: "peer-down", peer, reason: { by: "configuration" } },
    `03 00000031 02 ${header} 05`,
  ],
  [
    "Route Monitoring",
    { kind: "route-monitoring", peer, update },
    `03 0000004b 00 ${header} ${"ff".repeat(16)} 001b 02 0004 180a0100 0000`,
  ],
  [
    "Statistics Report",
    {
      kind: "statistics-report",
      peer,
      statistics: [
        { type: BMP_STATISTIC.prefixesRejected, value: 3n, bits: 32 },
        { type: BMP_STATISTIC.adjRibIn, value: 0x1_0000_0001n, bits: 64 },
        { type: BMP_STATISTIC.adjRibInOfFamily, family: "ipv6-unicast", value: 5n },
      ],
    },
    `03 00000057 01 ${header} 00000003 0000 0004 00000003 0007 0008 0000000100000001 0009 000b 0002 01 0000000000000005`,
  ],
];

describe("a BMP message", () => {
  it.each(vectors)("%s is what RFC 7854 draws", (_, message, bytes) => {
    expect(toHex(encodeBmp(message))).toBe(bytes.replaceAll(" ", ""));
    expect(decodeBmp(hex(bytes))).toEqual(message);
  });

  it("has V, L, A and O for what they say", () => {
    const flagsOf = (changes: Partial<BmpPeer>): number | undefined =>
      encodeBmp({ kind: "route-monitoring", peer: { ...peer, ...changes }, update })[7];
    expect(flagsOf({})).toBe(0);
    expect(flagsOf({ address: "2001:db8::2" })).toBe(0x80);
    expect(flagsOf({ postPolicy: true })).toBe(0x40);
    expect(flagsOf({ legacyAsPath: true })).toBe(0x20);
    expect(flagsOf({ adjRibOut: true })).toBe(0x10);
  });

  it("of a type or a peer type that is not known is passed over, not refused", () => {
    expect(decodeBmp(hex("03 00000008 06 abcd"))).toEqual({ kind: "unknown", type: 6, body: hex("abcd") });
    const locRib = hex(`03 00000031 02 03${header.slice(2)} 04`);
    expect(decodeBmp(locRib)).toMatchObject({ kind: "unknown", type: 2 });
  });

  it.each([
    ["of another version", "02 00000006 04"],
    ["shorter than it says", "03 00000007 04"],
    ["with information cut short", "03 0000000b 04 0001 0002 64"],
    ["with no per-peer header", "03 00000007 00 00"],
    ["without its UPDATE", `03 00000030 00 ${header}`],
    ["with another BGP message", `03 00000043 00 ${header} ${toHex(encodeKeepalive())}`],
    ["with two UPDATEs", `03 00000066 00 ${header} ${toHex(update)} ${toHex(update)}`],
    ["with other statistics than it says", `03 00000034 01 ${header} 00000001`],
    ["that gives no event", `03 00000031 02 ${header} 02`],
  ])("%s is refused", (_, bytes) => {
    expect(() => decodeBmp(hex(bytes))).toThrow(BgpError);
  });
});

const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const address = fc.constantFrom("192.0.2.2", "0.0.0.0", "2001:db8::2", "fe80::1", "::");
const bytes = fc.uint8Array({ maxLength: 40 });

const peers: fc.Arbitrary<BmpPeer> = fc.record({
  type: fc.constantFrom(0, 1, 2),
  distinguisher: uint64,
  address,
  asn: uint32,
  routerId: fc.constantFrom("10.0.0.2", "255.255.255.255"),
  postPolicy: fc.boolean(),
  legacyAsPath: fc.boolean(),
  adjRibOut: fc.boolean(),
  // Of whole microseconds, as the header has them.
  at: fc.integer({ min: 0, max: 2 ** 32 * 1000 - 1 }),
});
const opens = bytes.map((rest) => messageOf(1, "04fdea005a0a000002", "00", toHex(rest)));
const updates = bytes.map((rest) => messageOf(2, "00000000", toHex(rest)));
const information: fc.Arbitrary<BmpInformation[]> = fc.array(
  fc.record({ type: fc.constantFrom(0, 2, 7), value: bytes }),
  { maxLength: 3 },
);
const notification = fc.record({
  code: fc.integer({ min: 0, max: 255 }),
  subcode: fc.integer({ min: 0, max: 255 }),
  data: bytes,
});
const reasons: fc.Arbitrary<PeerDownReason> = fc.oneof(
  fc.record({ by: fc.constantFrom("local" as const, "remote" as const), notification }),
  fc.record({ by: fc.constant("local" as const), fsmEvent: uint16 }),
  fc.constantFrom<PeerDownReason>({ by: "remote" }, { by: "configuration" }),
  fc.record({ by: fc.constant("unknown" as const), reason: fc.integer({ min: 6, max: 255 }), data: bytes }),
);
const statistics: fc.Arbitrary<BmpStatistic> = fc.oneof(
  fc.record({ type: uint16, value: uint32.map(BigInt), bits: fc.constant(32 as const) }),
  fc.record({ type: uint16, value: uint64, bits: fc.constant(64 as const) }),
  fc.record({
    type: uint16,
    family: fc.constantFrom("ipv4-unicast" as const, "ipv6-unicast" as const),
    value: uint64,
  }),
  fc.record({ type: uint16, data: fc.uint8Array({ maxLength: 3 }) }),
);

const messages: fc.Arbitrary<BmpMessage> = fc.oneof(
  fc.record({ kind: fc.constant("initiation" as const), information }),
  fc.record({
    kind: fc.constant("termination" as const),
    reason: fc.option(uint16, { nil: undefined }),
    information,
  }),
  fc
    .record({
      kind: fc.constant("peer-up" as const),
      peer: peers,
      localPort: uint16,
      remotePort: uint16,
      sent: opens,
      received: opens,
      information,
    })
    // Both ends are of one family: the V flag is about both.
    .map((each) => ({ ...each, localAddress: each.peer.address })),
  fc.record({ kind: fc.constant("peer-down" as const), peer: peers, reason: reasons }),
  fc.record({ kind: fc.constant("route-monitoring" as const), peer: peers, update: updates }),
  fc.record({
    kind: fc.constant("statistics-report" as const),
    peer: peers,
    statistics: fc.array(statistics, { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant("unknown" as const), type: fc.integer({ min: 6, max: 255 }), body: bytes }),
);

function decisionOn(message: Uint8Array): unknown {
  try {
    decodeBmp(message);
    return "read";
  } catch (error) {
    return error instanceof BgpError ? "refused" : error;
  }
}

describe("BMP messages", () => {
  it("come out of the bytes as they went in", () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeBmp(encodeBmp(message))).toEqual(message);
      }),
      { numRuns: 1000 },
    );
  });

  it("come out of a stream as they went in, wherever it is cut", () => {
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 5 }), fc.integer({ min: 1, max: 90 }), (sent, size) => {
        const stream = Buffer.concat(sent.map(encodeBmp));
        const reader = new BmpReader();
        const read: BmpMessage[] = [];
        for (let at = 0; at < stream.length; at += size) {
          reader.push(stream.subarray(at, at + size));
          for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next);
        }
        expect(read).toEqual(sent);
      }),
    );
  });

  it("are read or refused, whatever has become of them", () => {
    const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(messages, fc.array(mutation, { minLength: 1, maxLength: 4 }), (message, mutations) => {
        const mutated = encodeBmp(message);
        // The length stays right, so that more than it is looked at.
        for (const [at, byte] of mutations)
          if (mutated.length > 6) mutated[5 + (at % (mutated.length - 5))] = byte;
        expect(["read", "refused"]).toContain(decisionOn(mutated));
      }),
      { numRuns: 2000 },
    );
  });

  it("end a stream that is none", () => {
    const reader = new BmpReader();
    reader.push(hex("ffffffffffff"));
    expect(() => reader.next()).toThrow(BgpError);
    const endless = new BmpReader();
    endless.push(hex("03 7fffffff 04"));
    expect(() => endless.next()).toThrow(BgpError);
  });
});
