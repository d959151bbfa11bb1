import { isIP, SocketAddress } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNetlinkError } from "../../src/index.ts";
import { formatIp, parseIp, parseNetwork, parsePrefix } from "../../src/text/ip.ts";
import { family, ipOf, networkOf } from "../support/arbitraries.ts";

const OP = "test";

/** The refusal as a caller sees it: typed, and naming the input. */
function refusal(parse: (op: string, text: string) => unknown, text: string): string {
  try {
    parse(OP, text);
  } catch (error) {
    if (isNetlinkError(error, "ERR_INVALID") && error.errno === undefined) return error.message;
    throw error;
  }
  return "accepted";
}

describe("addresses", () => {
  it.each([
    ["0.0.0.0", "00000000"],
    ["10.0.0.1", "0a000001"],
    ["255.255.255.255", "ffffffff"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["fd00::1", "fd000000000000000000000000000001"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1::", "00010000000000000000000000000000"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["1:2:3:4:5:6:192.0.2.1", "000100020003000400050006c0000201"],
    ["FD00:ABCD::", "fd00abcd000000000000000000000000"],
  ])("%s is understood", (text, hex) => {
    expect(parseIp(OP, text).bytes.toString("hex")).toBe(hex);
  });

  it.each([
    "",
    "10.0.0",
    "10.0.0.0.1",
    "10.0.0.256",
    "010.0.0.1",
    " 10.0.0.1",
    "10.0.0.1 ",
    "1e1.0.0.1",
    "-1.0.0.1",
    "10..0.1",
  ])("%j is no IPv4 address", (text) => {
    expect(refusal(parseIp, text)).toContain(`test: ${JSON.stringify(text)} is not an`);
  });

  it.each([
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "::1.2.3",
    "1.2.3.4::",
    ":1:2:3:4:5:6:7",
  ])("%j is no IPv6 address", (text) => {
    expect(refusal(parseIp, text)).toContain(`test: ${JSON.stringify(text)} is not an`);
  });

  it("are refused when they are not text", () => {
    expect(() => parseIp(OP, 7 as never)).toThrow("7 is not an IPv4 or IPv6 address");
  });

  it("are written as RFC 5952 says: the first longest run of zeros is left out, but not a single group", () => {
    const written = (text: string): string => formatIp(parseIp(OP, text).bytes);
    expect(written("2001:db8:0:1:1:1:1:1")).toBe("2001:db8:0:1:1:1:1:1");
    expect(written("2001:0:0:1:0:0:0:1")).toBe("2001:0:0:1::1");
    expect(written("2001:db8:0:0:1:0:0:1")).toBe("2001:db8::1:0:0:1");
    expect(written("0:0:1::")).toBe("0:0:1::");
    expect(written("::FFFF:C000:0201")).toBe("::ffff:192.0.2.1");
  });

  it("survive being written and read", () => {
    fc.assert(
      fc.property(family.chain(ipOf), (text) => {
        expect(formatIp(parseIp(OP, text).bytes)).toBe(text);
      }),
    );
  });

  it("are the ones Node takes for addresses", () => {
    const nearly = fc.string({
      unit: fc.constantFrom(...Array.from("0123456789abcdefF:.::")),
      maxLength: 20,
    });
    fc.assert(
      fc.property(fc.oneof(nearly, family.chain(ipOf)), (text) => {
        expect(refusal(parseIp, text) === "accepted").toBe(isIP(text) !== 0);
      }),
      { numRuns: 5000 },
    );
  });

  it("read as inet_pton reads them", () => {
    fc.assert(
      fc.property(ipOf(6), (text) => {
        const { address } = new SocketAddress({ address: text, family: "ipv6" });
        expect(parseIp(OP, address).bytes).toEqual(parseIp(OP, text).bytes);
      }),
    );
  });
});

describe("prefixes", () => {
  it("are the whole address when no length is given", () => {
    expect(parsePrefix(OP, "10.0.0.1")).toMatchObject({ family: 4, length: 32 });
    expect(parsePrefix(OP, "fd00::1")).toMatchObject({ family: 6, length: 128 });
  });

  it.each([
    "10.0.0.1/",
    "10.0.0.1/33",
    "10.0.0.1/-1",
    "10.0.0.1/08",
    "10.0.0.1/2/2",
    "fd00::/129",
    "/8",
    "default",
  ])("%j is none", (text) => {
    expect(refusal(parsePrefix, text)).toContain(`test: ${JSON.stringify(text)} is not an`);
  });

  it("are networks when no bit after the prefix is set", () => {
    fc.assert(
      fc.property(family.chain(networkOf), (text) => {
        expect(refusal(parseNetwork, text)).toBe("accepted");
      }),
    );
    for (const text of ["10.0.0.1/24", "10.0.0.128/24", "10.0.1.0/23", "fd00::1/64", "128.0.0.0/0"])
      expect(refusal(parseNetwork, text)).toContain(`${JSON.stringify(text)} is not a network`);
  });
});
