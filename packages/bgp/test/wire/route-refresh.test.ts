import { describe, expect, it } from "vitest";
import { decodeRouteRefresh, encodeKeepalive, encodeRouteRefresh } from "../../src/wire/index.ts";
import { messageOf, refusedWith, toHex } from "./support/build.ts";

describe("ROUTE-REFRESH", () => {
  it.each([
    ["ipv4-unicast", "request", "00010001"],
    ["ipv6-unicast", "begin", "00020101"],
    ["ipv6-unicast", "end", "00020201"],
  ] as const)("%s, %s is %s", (family, kind, body) => {
    const message = encodeRouteRefresh(family, kind);
    expect(toHex(message)).toBe(`${"ff".repeat(16)}001705${body}`);
    expect(decodeRouteRefresh(message)).toEqual({ family, kind });
  });

  it("a filter behind a request is passed over (RFC 5291)", () => {
    expect(decodeRouteRefresh(messageOf(5, "00010001 01 40 0003 000000"))).toEqual({
      family: "ipv4-unicast",
      kind: "request",
    });
  });

  it("of others it says that it does not know them (RFC 7313 5)", () => {
    expect(decodeRouteRefresh(messageOf(5, "00190046"))).toEqual({ family: undefined, kind: "request" });
    expect(decodeRouteRefresh(messageOf(5, "00010301"))).toEqual({ family: "ipv4-unicast", kind: "unknown" });
  });

  it("a marker of the wrong length is refused with the whole message (RFC 7313 5)", () => {
    const message = messageOf(5, "0001010100");
    expect(refusedWith(() => decodeRouteRefresh(message))).toBe(`0701${toHex(message)}`);
  });
});

describe("KEEPALIVE", () => {
  it("is a header", () => expect(toHex(encodeKeepalive())).toBe(`${"ff".repeat(16)}001304`));
});
