import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AsPathSegment, type PathAttributes, UpdateDecoder } from "../../src/wire/index.ts";
import { attributeOf, contextOf, updateOf } from "./support/build.ts";

const ORIGIN = attributeOf(0x40, 1, "00");
const NEXT_HOP = attributeOf(0x40, 3, "0a000001");
const old = contextOf({ fourOctetAs: false });

/** `1 2 {3 4} (5 6) [7]`: a sequence, a set, a confederation's sequence, and its set. */
function path(text: string): AsPathSegment[] {
  const parts = text.match(/\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|[\d ]+/g) ?? [];
  return parts.flatMap((part) => {
    const asns = (part.match(/\d+/g) ?? []).map(Number);
    const types = { "{": "set", "(": "confed-sequence", "[": "confed-set" } as const;
    const type = types[part[0] as "{"] ?? "sequence";
    return asns.length === 0 ? [] : [{ type, asns }];
  });
}

function attributesHex(segments: readonly AsPathSegment[], width: 2 | 4): string {
  const numbers = { set: "01", sequence: "02", "confed-sequence": "03", "confed-set": "04" };
  return segments
    .map(({ type, asns }) => {
      const values = asns.map((asn) => asn.toString(16).padStart(width * 2, "0")).join("");
      return numbers[type] + asns.length.toString(16).padStart(2, "0") + values;
    })
    .join("");
}

function read(asPath: string, ...more: string[]): PathAttributes {
  const attributes = ORIGIN + attributeOf(0x40, 2, attributesHex(path(asPath), 2)) + NEXT_HOP + more.join("");
  const [reach] = new UpdateDecoder(old).decode(updateOf({ attributes, nlri: "080a" })).reach;
  if (reach === undefined) throw new Error("not reachable");
  return reach.attributes();
}

const as4Path = (text: string): string => attributeOf(0xc0, 17, attributesHex(path(text), 4));

describe("AS_PATH and AS4_PATH from a peer with two-byte AS numbers (RFC 6793 4.2.3)", () => {
  it.each([
    ["all of it is replaced", "23456 23456", "70000 80000", "70000 80000"],
    ["what was put before it by old speakers stays", "1 2 23456 23456", "70000 80000", "1 2 70000 80000"],
    ["hops count, not where AS_TRANS is", "23456 1 23456", "70000", "23456 1 70000"],
    ["a longer AS4_PATH is ignored", "1 23456", "1 2 70000", "1 23456"],
    ["a set is one hop", "1 {2 3} 23456", "70000", "1 {2 3} 70000"],
    ["a set in AS4_PATH is one hop too", "1 2 23456", "{70000 80000}", "1 2 {70000 80000}"],
    ["a set that begins is kept whole", "{2 3 4} 23456 5", "70000 5", "{2 3 4} 70000 5"],
    [
      "a confederation is no hop, and stays in front",
      "(64512 64513) 1 23456",
      "70000",
      "(64512 64513) 1 70000",
    ],
    ["a confederation beside a hop that stays", "1 (64512) 23456", "70000", "1 (64512) 70000"],
    ["a confederation in AS4_PATH is taken out", "1 23456", "(64512) 70000", "1 70000"],
    ["nothing but a confederation in AS4_PATH", "1 23456", "(64512)", "1 23456"],
  ])("%s: %s and %s are %s", (_, asPath, longer, wanted) => {
    expect(read(asPath, as4Path(longer)).asPath).toEqual(path(wanted));
  });

  it("the true path has as many hops as AS_PATH, and ends with AS4_PATH", () => {
    const asn = fc.integer({ min: 1, max: 65000 });
    const large = fc.integer({ min: 65536, max: 2 ** 32 - 1 });
    const paths = fc.tuple(
      fc.array(asn, { minLength: 1, maxLength: 20 }),
      fc.array(large, { minLength: 1, maxLength: 20 }),
    );
    fc.assert(
      fc.property(paths, ([short, long]) => {
        const merged = read(short.join(" "), as4Path(long.join(" "))).asPath.flatMap(({ asns }) => asns);
        const head = short.slice(0, Math.max(0, short.length - long.length));
        expect(merged).toEqual(long.length > short.length ? short : [...head, ...long]);
      }),
    );
  });

  const AGGREGATOR = attributeOf(0xc0, 7, "5ba00a000001");
  const AS4_AGGREGATOR = attributeOf(0xc0, 18, "000111700a000002");

  it("AS4_AGGREGATOR takes the place of an aggregator that is AS_TRANS", () => {
    expect(read("23456", AGGREGATOR, AS4_AGGREGATOR).aggregator).toEqual({ asn: 70000, address: "10.0.0.2" });
    expect(read("23456", AGGREGATOR).aggregator).toEqual({ asn: 23456, address: "10.0.0.1" });
  });

  it("beside an aggregator that is not AS_TRANS, AS4_AGGREGATOR and AS4_PATH are both ignored", () => {
    const real = attributeOf(0xc0, 7, "fde80a000001");
    expect(read("23456", real, as4Path("70000"), AS4_AGGREGATOR)).toMatchObject({
      aggregator: { asn: 65000, address: "10.0.0.1" },
      asPath: path("23456"),
    });
    expect(read("23456", real, as4Path("70000")).asPath).toEqual(path("70000"));
  });

  it("AS4_AGGREGATOR alone means nothing", () => {
    expect(read("23456", AS4_AGGREGATOR).aggregator).toBeUndefined();
  });
});
