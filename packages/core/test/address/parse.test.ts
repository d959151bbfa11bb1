import { Address4, Address6 } from "ip-address";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatAddress, parseAddress } from "../../src/address/index.ts";
import { attempt, toBigInt, v6 } from "./arbitrary.ts";

const reformat = (text: string): string => formatAddress(parseAddress(text));

describe("reading an address", () => {
  it.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["10.0.0.1", "10.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["1:2:3:4:5:6:10.0.0.1", "1:2:3:4:5:6:a00:1"],
  ])("understands %s", (text, canonical) => {
    expect(reformat(text)).toBe(canonical);
  });

  it.each([
    ["2001:db8:0:1:1:1:1:1", "RFC 5952 4.2.2: one zero group stays"],
    ["2001:0:0:1::1", "RFC 5952 4.2.3: the longest run is shortened"],
    ["2001:db8::1:0:0:1", "RFC 5952 4.2.3: the first of equal runs"],
    ["1:0:0:2::", "a run at the end"],
  ])("leaves %s as it is (%s)", (text) => {
    expect(reformat(text)).toBe(text);
  });

  it("takes IPv4-mapped text for the IPv4 address it names", () => {
    for (const text of ["::ffff:10.0.0.1", "::FFFF:a00:1", "0:0:0:0:0:ffff:10.0.0.1"]) {
      expect(parseAddress(text).equals(parseAddress("10.0.0.1"))).toBe(true);
    }
    expect(parseAddress("::10.0.0.1").family).toBe(6); // IPv4-compatible, deprecated: not IPv4
  });

  it("agrees with ip-address on every spelling of random IPv6 addresses", () => {
    fc.assert(
      fc.property(v6, (address) => {
        const reference = Address6.fromBigInt(toBigInt(address));
        expect(formatAddress(address)).toBe(reference.correctForm());
        expect(parseAddress(reference.canonicalForm())).toEqual(address);
        expect(parseAddress(reference.to4in6())).toEqual(address);
      }),
      { numRuns: 1000 },
    );
  });

  it("accepts and refuses what ip-address does, whatever the characters", () => {
    const unit = fc.constantFrom("0", "1", "2", "9", "a", "F", ".", ":", ":", "::");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 24 }), (text) => {
        const accepted = attempt(() => parseAddress(text)) !== "ERR_ADDRESS_INVALID";
        expect(accepted).toBe(text.includes(":") ? Address6.isValid(text) : Address4.isValid(text));
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([
    ["10.0.0.256", "256 is above 255"],
    ["10.0.0.1/24", "it is a CIDR"],
    ["10.0.0.01", "leading zero"],
    ["::ffff:010.0.0.1", "leading zeroes"],
    ["fe80::1%eth0", "zone id"],
    ["10.0.0", "IPv4 has four numbers and this has 3"],
    ["10.0..1", "a number is missing"],
    ["10.0.0.1.2", "this has 5"],
    ["10.0.0.1:80", "it has a port"],
    ["[::1]:80", "brackets"],
    [" 10.0.0.1", "white space"],
    ["", "it is empty"],
    ["localhost", "neither dotted decimal nor IPv6"],
    ["0x7f.0.0.1", "neither dotted decimal nor IPv6"],
    ["1::2::3", "too many ::"],
    ["1:2:3", "incorrect number of groups"],
    ["12345::", "12345"],
    ["1:2:3:4:5:6:7::8:9", "groups"],
    ["1:", "malformed at 1:"],
    [":1", "malformed at :1"],
  ])("refuses %j, saying why", (text, why) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({
        code: "ERR_ADDRESS_INVALID",
        input: text,
        message: expect.stringContaining(why),
      }),
    );
  });

  it("refuses what is not a string", () => {
    for (const input of [undefined, null, 1, {}]) {
      expect(() => parseAddress(input as string)).toThrow(
        expect.objectContaining({ code: "ERR_ADDRESS_INVALID" }),
      );
    }
  });
});
