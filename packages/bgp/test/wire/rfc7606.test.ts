import { describe, expect, it } from "vitest";
import { type Update, UpdateDecoder, type WireContext } from "../../src/wire/index.ts";
import { attributeOf, contextOf, refusedWith, toHex, updateOf } from "./support/build.ts";

// Attributes that are as they should be: each case replaces or adds one.
const ORIGIN = attributeOf(0x40, 1, "00");
const AS_PATH = attributeOf(0x40, 2, "02020000fde900000001");
const NEXT_HOP = attributeOf(0x40, 3, "0a000001");
const LOCAL_PREF = attributeOf(0x40, 5, "00000064");
const GOOD = ORIGIN + AS_PATH + NEXT_HOP;
const PREFIX = "180a0100";

/** The same as MP_REACH_NLRI for 2001:db8::/32 from 2001:db8::1. */
const MP_VALUE = "0002 01 10 20010db8000000000000000000000001 00 20 20010db8".replaceAll(" ", "");
const MP_REACH = attributeOf(0x80, 14, MP_VALUE);

const internal = contextOf();
const external = contextOf({ internal: false });
const old = contextOf({ internal: false, fourOctetAs: false });

function decode(attributes: string, context: WireContext = internal, nlri: string = PREFIX): Update {
  return new UpdateDecoder(context).decode(updateOf({ attributes, nlri }));
}

/** What RFC 7606 makes of attributes: `withdraw`, or what is discarded, or that all is well. */
function outcome(attributes: string, context: WireContext): string {
  const { reach, withdrawn, faults } = decode(attributes, context);
  const actions = faults.map(({ attribute, action }) => `${action} ${attribute}`);
  const gone = withdrawn.map(({ count }) => count);
  expect([reach.length, ...gone]).toEqual(actions.some((each) => each.startsWith("treat")) ? [0, 1] : [1]);
  if (reach.length === 0) return "withdraw";
  return actions.length === 0 ? "accept" : `discard ${faults.map(({ attribute }) => attribute).join(" ")}`;
}

/** Name, number, right flags, a right value, wrong values with what they lead to, and who says so. */
type Row = readonly [
  name: string,
  type: number,
  flags: number,
  right: string,
  wrong: Readonly<Record<string, string>>,
  outcome: "withdraw" | "discard",
  section: string,
  context?: WireContext,
];

const TABLE: readonly Row[] = [
  ["ORIGIN", 1, 0x40, "02", { empty: "", "two bytes": "0000", "value 3": "03" }, "withdraw", "7.1"],
  [
    "AS_PATH",
    2,
    0x40,
    "0201000000050102 0000000600000007",
    {
      "segment type 0": "000100000001",
      "segment type 5": "050100000001",
      "empty segment": "0200",
      "empty segment at the end": "0201000000010200",
      overrun: "020200000001",
      "one byte left": "02010000000102",
      "AS 0 (RFC 7607)": "020100000000",
    },
    "withdraw",
    "7.2",
  ],
  [
    "AS_PATH",
    2,
    0x40,
    "02010000fde8",
    { "a confederation outside (RFC 5065)": "03010000fde8", "a confederation's set outside": "04010000fde8" },
    "withdraw",
    "7.2",
    external,
  ],
  [
    "AS_PATH in two bytes",
    2,
    0x40,
    "0201fde8",
    { "four bytes": "02010000fde8", "AS 0": "02010000" },
    "withdraw",
    "7.2",
    old,
  ],
  [
    "NEXT_HOP",
    3,
    0x40,
    "0a000002",
    {
      empty: "",
      "three bytes": "0a0000",
      "five bytes": "0a00000100",
      "0.0.0.0 (RFC 4271 6.3)": "00000000",
      multicast: "e0000001",
      broadcast: "ffffffff",
    },
    "withdraw",
    "7.3",
  ],
  [
    "MULTI_EXIT_DISC",
    4,
    0x80,
    "00000001",
    { empty: "", short: "000001", long: "0000000001" },
    "withdraw",
    "7.4",
  ],
  ["LOCAL_PREF", 5, 0x40, "00000001", { empty: "", short: "000001", long: "0000000001" }, "withdraw", "7.5"],
  ["ATOMIC_AGGREGATE", 6, 0x40, "", { "one byte": "00" }, "discard", "7.6"],
  [
    "AGGREGATOR",
    7,
    0xc0,
    "0000fde80a000001",
    { empty: "", "six bytes": "fde80a000001", "AS 0 (RFC 7607)": "000000000a000001" },
    "discard",
    "7.7",
  ],
  [
    "AGGREGATOR in two bytes",
    7,
    0xc0,
    "fde80a000001",
    { "eight bytes": "0000fde80a000001" },
    "discard",
    "7.7",
    old,
  ],
  ["Communities", 8, 0xc0, "fde80001fde80002", { empty: "", "five bytes": "fde8000100" }, "withdraw", "7.8"],
  [
    "ORIGINATOR_ID",
    9,
    0x80,
    "0a000001",
    { empty: "", short: "0a0000", long: "0a00000101" },
    "withdraw",
    "7.9",
  ],
  [
    "CLUSTER_LIST",
    10,
    0x80,
    "0a0000010a000002",
    { empty: "", "six bytes": "0a0000010a00" },
    "withdraw",
    "7.10",
  ],
  [
    "Extended Communities",
    16,
    0xc0,
    "0002fde800000001",
    { empty: "", "four bytes": "0002fde8" },
    "withdraw",
    "7.14",
  ],
  [
    "IPv6 Extended Communities",
    25,
    0xc0,
    "000220010db80000000000000000000000010001",
    { empty: "", short: "0002" },
    "withdraw",
    "7.15",
  ],
  [
    "Large Communities",
    32,
    0xc0,
    "0000fde80000000100000002",
    { empty: "", "eight bytes": "0000fde800000001" },
    "withdraw",
    "RFC 8092 6",
  ],
  [
    "Only To Customer",
    35,
    0xc0,
    "0000fde8",
    { empty: "", short: "fde8", long: "0000fde800" },
    "withdraw",
    "RFC 9234 5",
  ],
  [
    "AS4_PATH",
    17,
    0xc0,
    "0201fde8fde8",
    {
      "too short": "0200",
      "segment type 9": "09010000fde8",
      "empty segment": "02010000fde80200",
      overrun: "02020000fde8",
      "AS 0 (RFC 7607)": "020100000000",
    },
    "discard",
    "RFC 6793 6",
    old,
  ],
  [
    "AS4_AGGREGATOR",
    18,
    0xc0,
    "fde8fde80a000001",
    { empty: "", short: "fde80a000001", "AS 0": "000000000a000001" },
    "discard",
    "RFC 6793 6",
    old,
  ],
];

/** The attributes every case needs, in the width of the session, without the one in question. */
function others(type: number, context: WireContext): string {
  const path = context.fourOctetAs ? AS_PATH : attributeOf(0x40, 2, "0202fde90001");
  return [ORIGIN, path, NEXT_HOP].filter((_, index) => index + 1 !== type).join("");
}

describe("attributes by RFC 7606", () => {
  for (const [name, type, flags, right, wrong, expected, section, context = internal] of TABLE) {
    const before = others(type, context);
    it(`${name} is taken where nothing is wrong with it`, () => {
      expect(outcome(before + attributeOf(flags, type, right.replaceAll(" ", "")), context)).toBe("accept");
    });

    it.each(Object.entries(wrong))(`${name}, %s: ${expected} (${section})`, (_, value) => {
      const wanted = expected === "withdraw" ? "withdraw" : `discard ${type}`;
      const bad = attributeOf(flags, type, value);
      expect(outcome(before + bad, context)).toBe(wanted);
      expect(outcome(bad + before, context)).toBe(wanted);
    });

    it.each([flags ^ 0x80, flags ^ 0x40, flags ^ 0xc0].filter((each) => each !== flags))(
      `${name} with flags %i: withdraw (3 c)`,
      (wrongFlags) => {
        expect(outcome(before + attributeOf(wrongFlags, type, right.replaceAll(" ", "")), context)).toBe(
          "withdraw",
        );
      },
    );

    it(`${name}: the lower bits of the flags, and Partial, say nothing`, () => {
      const value = right.replaceAll(" ", "");
      expect(outcome(before + attributeOf(flags | 0x2f, type, value), context)).toBe("accept");
    });

    it(`${name} with two bytes of length is the same`, () => {
      const value = right.replaceAll(" ", "");
      const length = (value.length / 2).toString(16).padStart(4, "0");
      const long = `${(flags | 0x10).toString(16)}${type.toString(16).padStart(2, "0")}${length}${value}`;
      expect(outcome(before + long, context)).toBe("accept");
    });
  }

  it.each([
    ["LOCAL_PREF", 5, 0x40, "00000064", "7.5"],
    ["a malformed LOCAL_PREF", 5, 0x40, "00", "7.5"],
    ["ORIGINATOR_ID", 9, 0x80, "0a000001", "7.9"],
    ["CLUSTER_LIST", 10, 0x80, "0a000001", "7.10"],
    ["a malformed CLUSTER_LIST", 10, 0x80, "0a", "7.10"],
  ])("from outside, %s is discarded (%s)", (_, type, flags, value) => {
    const update = decode(GOOD + attributeOf(flags, type, value), external);
    expect(update.faults.map(({ attribute, action }) => ({ attribute, action }))).toEqual([
      { attribute: type, action: "discard-attribute" },
    ]);
    expect(update.reach[0]?.attributes()).not.toHaveProperty("localPref");
    expect(update.reach[0]?.attributes()).not.toHaveProperty("originatorId");
    expect(update.reach[0]?.attributes()).not.toHaveProperty("clusterList");
  });

  it("where AS numbers have four bytes, AS4_PATH and AS4_AGGREGATOR are discarded (RFC 6793 4.1)", () => {
    const as4 = attributeOf(0xc0, 17, "02010000fde8") + attributeOf(0xc0, 18, "0000fde80a000001");
    expect(outcome(GOOD + as4, internal)).toBe("discard 17 18");
    expect(decode(GOOD + as4).reach[0]?.attributes().asPath).toEqual([
      { type: "sequence", asns: [65001, 1] },
    ]);
  });

  it.each([
    ["ORIGIN", 1, AS_PATH + NEXT_HOP],
    ["AS_PATH", 2, ORIGIN + NEXT_HOP],
    ["NEXT_HOP", 3, ORIGIN + AS_PATH],
  ])("without %s: withdraw (3 d)", (_, type, attributes) => {
    expect(outcome(attributes, internal)).toBe("withdraw");
    expect(decode(attributes).faults).toMatchObject([{ attribute: type }]);
  });

  it("the first of two counts, whatever is wrong with the second (3 g)", () => {
    const twice = GOOD + attributeOf(0x80, 4, "00000001") + attributeOf(0x80, 4, "02");
    expect(outcome(twice, internal)).toBe("discard 4");
    expect(decode(twice).reach[0]?.attributes().med).toBe(1);
  });

  it("the second of two does not heal the first", () => {
    expect(outcome(GOOD + attributeOf(0x80, 4, "02") + attributeOf(0x80, 4, "00000001"), internal)).toBe(
      "withdraw",
    );
  });

  it("of several faults, the most severe decides (3 h)", () => {
    const bad = attributeOf(0x40, 6, "00") + attributeOf(0x80, 4, "02");
    expect(outcome(GOOD + bad, internal)).toBe("withdraw");
    expect(decode(GOOD + bad).faults.map(({ attribute }) => attribute)).toEqual([6, 4]);
  });

  it.each([
    ["an attribute that is longer than what is left", "80040500000001"],
    ["a length of two bytes, of which one is there", "901004"],
    ["flags and a type, and no length", "8004"],
    ["a lone byte", "80"],
  ])("%s: withdraw, and the prefixes are found (4)", (_, tail) => {
    expect(outcome(GOOD + tail, internal)).toBe("withdraw");
  });

  it("an attribute error where nothing is reachable ends the session (5.2)", () => {
    const update = updateOf({ withdrawn: PREFIX, attributes: attributeOf(0x40, 1, "03") });
    expect(refusedWith(() => new UpdateDecoder(internal).decode(update))).toBe("030640010103");
  });

  it("so does one of an MP_REACH_NLRI without prefixes", () => {
    const attributes = attributeOf(0xc0, 14, MP_VALUE.slice(0, 42));
    expect(refusedWith(() => decode(attributes, internal, ""))).toBe(`0304${attributes}`);
  });

  it("an attribute to be discarded does not, even then", () => {
    const update = updateOf({ withdrawn: PREFIX, attributes: attributeOf(0x40, 6, "00") });
    expect(new UpdateDecoder(internal).decode(update)).toMatchObject({
      withdrawn: [{ count: 1 }],
      faults: [{ attribute: 6 }],
    });
  });

  it.each([
    ["flags", attributeOf(0x80, 1, "00"), "0304 80010100"],
    ["length", attributeOf(0x40, 1, "0000"), "0305 4001020000"],
    ["origin", attributeOf(0x40, 1, "09"), "0306 40010109"],
    ["next hop", attributeOf(0x40, 3, "00000000"), "0308 40030400000000"],
    ["optional attribute", attributeOf(0xc0, 8, "00"), "0309 c0080100"],
    ["AS_PATH", attributeOf(0x40, 2, "0200"), "030b 4002020200"],
    ["overrun", "4001", "0301"],
    ["overrun of a value", "40010200", "0305 40010200"],
  ])("the notification names the error and has the attribute: %s (RFC 4271 6.3)", (_, attributes, wanted) => {
    const update = updateOf({ withdrawn: PREFIX, attributes });
    expect(refusedWith(() => new UpdateDecoder(internal).decode(update))).toBe(wanted.replaceAll(" ", ""));
  });
});

describe("what RFC 7606 leaves as a reason to end the session", () => {
  it("a well-known attribute that nobody knows", () => {
    const bad = attributeOf(0x40, 200, "0102");
    expect(refusedWith(() => decode(GOOD + bad))).toBe(`0302${bad}`);
  });

  it.each([
    ["reach", MP_REACH + MP_REACH],
    ["unreach", attributeOf(0x80, 15, "000201") + attributeOf(0x80, 15, "000201")],
  ])("two MP attributes: %s (3 g)", (_, twice) => {
    expect(refusedWith(() => decode(ORIGIN + AS_PATH + twice, internal, ""))).toBe("0301");
  });

  it.each([
    ["withdrawn routes that go beyond the message", "ffff0000"],
    ["attributes that go beyond the message", "0000ffff"],
  ])("%s (RFC 4271 6.3)", (_, lengths) => {
    const message = updateOf({});
    message.set(
      [0, 2, 4, 6].map((at) => Number.parseInt(lengths.slice(at, at + 2), 16)),
      19,
    );
    expect(refusedWith(() => new UpdateDecoder(internal).decode(message))).toBe("0301");
  });

  it.each([
    ["longer than 32 bits", "210a000000"],
    ["cut short", "180a00"],
    ["cut short after a good one", "180a0000200a"],
  ])("a prefix %s (5.3)", (_, nlri) => {
    expect(refusedWith(() => decode(GOOD, internal, nlri))).toBe("030a");
    const withdrawal = updateOf({ withdrawn: nlri });
    expect(refusedWith(() => new UpdateDecoder(internal).decode(withdrawal))).toBe("030a");
  });

  it.each([
    ["too short for a next hop", 14, "00020110"],
    ["a next hop of 5 bytes", 14, "000201050a000000010020 20010db8"],
    ["a next hop beyond the end", 14, "000201ff20010db8"],
    ["an IPv4 next hop for IPv6", 14, "000201040a0000010020 20010db8"],
    [
      "an IPv6 next hop for IPv4 that was not agreed on",
      14,
      "0001011020010db80000000000000000000000010018 0a0000",
    ],
    ["a prefix of 129 bits", 14, `${MP_VALUE.slice(0, 42)}8120010db800000000000000000000000101`],
    ["a prefix cut short", 14, `${MP_VALUE.slice(0, 42)}2020010d`],
    ["two bytes", 15, "0002"],
    ["a withdrawn prefix of 129 bits", 15, "00020181 20010db800000000000000000000000101"],
    ["a withdrawn prefix cut short", 15, "0002012020"],
  ])("MP attributes that cannot be read: %s (7.11, 7.12)", (_, type, value) => {
    const bad = attributeOf(0x80, type, value.replaceAll(" ", ""));
    expect(refusedWith(() => decode(ORIGIN + AS_PATH + LOCAL_PREF + bad, internal, ""))).toBe(`0309${bad}`);
  });

  it("an MP attribute that is cut short", () => {
    expect(refusedWith(() => decode(`${ORIGIN}${AS_PATH}800e20000201`, internal, ""))).toBe(
      "0309800e20000201",
    );
  });
});

describe("MP_REACH_NLRI and NEXT_HOP", () => {
  it("NEXT_HOP is neither needed nor looked at where only MP_REACH_NLRI has prefixes", () => {
    const update = decode(ORIGIN + attributeOf(0x40, 3, "00") + AS_PATH + MP_REACH, internal, "");
    expect(update.faults).toEqual([]);
    expect(update.reach.map((reach) => reach.attributes().nextHop)).toEqual(["2001:db8::1"]);
  });

  it.each(["00000000000000000000000000000000", "ff020000000000000000000000000001"])(
    "a next hop that is no host, %s: withdraw",
    (nextHop) => {
      const value = `00020110${nextHop}002020010db8`;
      const update = decode(ORIGIN + AS_PATH + attributeOf(0x80, 14, value), internal, "");
      expect(update.reach).toEqual([]);
      expect(update.withdrawn).toMatchObject([{ family: "ipv6-unicast", count: 1 }]);
    },
  );

  it("wrong flags: withdraw, its own prefixes and the others (3 c)", () => {
    const update = decode(GOOD + attributeOf(0xc0, 14, MP_VALUE));
    expect(update.reach).toEqual([]);
    expect(update.withdrawn.map(({ family }) => family)).toEqual(["ipv4-unicast", "ipv6-unicast"]);
  });

  it("is found in any place among the others, and the key of its run is the same", () => {
    const parts = [ORIGIN, AS_PATH, LOCAL_PREF];
    const keys = [0, 1, 2, 3].map((place) => {
      const [only, ...more] = decode(parts.toSpliced(place, 0, MP_REACH).join(""), internal, "").reach;
      expect(more).toEqual([]);
      expect(only?.attributes()).toMatchObject({ nextHop: "2001:db8::1", localPref: 100 });
      return toHex(only?.key ?? new Uint8Array(0));
    });
    expect(new Set(keys).size).toBe(1);
  });
});

describe("what is passed over", () => {
  it("an unknown attribute that is not transitive", () => {
    const update = decode(GOOD + attributeOf(0x80, 99, "0102"));
    expect(update.faults).toEqual([]);
    expect(update.reach[0]?.attributes().unknown).toBeUndefined();
  });

  it("an unknown transitive attribute is kept, and says from now on that somebody did not know it", () => {
    const update = decode(GOOD + attributeOf(0xc0, 99, "0102"));
    expect(update.reach[0]?.attributes().unknown).toEqual([
      { flags: 0xe0, type: 99, value: Uint8Array.of(1, 2) },
    ]);
  });

  it("families that were not agreed on", () => {
    const only = contextOf({ families: ["ipv6-unicast"] });
    const update = new UpdateDecoder(only).decode(
      updateOf({ withdrawn: PREFIX, attributes: GOOD + MP_REACH, nlri: PREFIX }),
    );
    expect(update.withdrawn).toEqual([]);
    expect(update.reach.map(({ run }) => run.family)).toEqual(["ipv6-unicast"]);
  });
});
