import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cease,
  decodeNotification,
  describeNotification,
  encodeNotification,
  hardReset,
  shutdownCommunication,
  unwrapHardReset,
} from "../../src/wire/index.ts";
import { messageOf, toHex } from "./support/build.ts";

const HEADER = "ff".repeat(16);
const byte = fc.integer({ min: 0, max: 255 });
const notification = fc.record({ code: byte, subcode: byte, data: fc.uint8Array({ maxLength: 300 }) });

describe("NOTIFICATION", () => {
  it("comes back as it was sent", () => {
    fc.assert(
      fc.property(notification, (notification) => {
        expect(decodeNotification(encodeNotification(notification))).toEqual(notification);
      }),
    );
  });

  it.each([
    ["maximumPrefixes", "01"],
    ["administrativeShutdown", "02"],
    ["peerDeconfigured", "03"],
    ["administrativeReset", "04"],
    ["connectionRejected", "05"],
    ["otherConfigurationChange", "06"],
    ["collisionResolution", "07"],
    ["outOfResources", "08"],
    ["bfdDown", "0a"],
  ] as const)("cease for %s is 6/%s (RFC 4486, RFC 9384)", (reason, subcode) => {
    expect(toHex(encodeNotification(cease(reason)))).toBe(`${HEADER}00150306${subcode}`);
  });

  it("a hard reset has the true reason within (RFC 8538)", () => {
    const wrapped = hardReset(cease("administrativeShutdown", "bye"));
    expect(toHex(encodeNotification(wrapped))).toBe(`${HEADER}001b0306090602 03627965`.replace(" ", ""));
    expect(unwrapHardReset(wrapped)).toEqual({
      hard: true,
      notification: cease("administrativeShutdown", "bye"),
    });
  });

  it("a hard reset with nothing within is one nevertheless", () => {
    const bare = decodeNotification(messageOf(3, "0609"));
    expect(unwrapHardReset(bare)).toEqual({ hard: true, notification: bare });
    expect(unwrapHardReset(cease("peerDeconfigured")).hard).toBe(false);
  });

  it("has a text only where RFC 9003 allows one", () => {
    expect(toHex(cease("administrativeReset", "é").data)).toBe("02c3a9");
    expect(cease("peerDeconfigured", "bye").data).toHaveLength(0);
    expect(shutdownCommunication(decodeNotification(messageOf(3, "060303627965")))).toBeUndefined();
    expect(shutdownCommunication(decodeNotification(messageOf(3, "040203627965")))).toBeUndefined();
  });

  it("cuts a long text between characters", () => {
    const { data } = cease("administrativeShutdown", `${"x".repeat(253)}€`);
    expect(data[0]).toBe(253);
    expect(data).toHaveLength(254);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 100, maxLength: 300 }), (text) => {
        const { data } = cease("administrativeShutdown", text);
        expect(data.length).toBeLessThanOrEqual(256);
        expect(
          text.startsWith(
            new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data.subarray(1)),
          ),
        ).toBe(true);
      }),
    );
  });

  it.each([
    ["06020568656c6c6f", "hello"],
    ["060200", undefined],
    ["0602", undefined],
    ["060206 68656c6c6f", undefined],
    ["060203610a62", "a\u{fffd}b"],
    ["0602051b5b316d21", "\u{fffd}[1m!"],
    ["060204e280ae61", "\u{fffd}a"],
    ["060203ff61fe", "\u{fffd}a\u{fffd}"],
  ])("of the peer's %s it shows %s", (body, text) => {
    expect(shutdownCommunication(decodeNotification(messageOf(3, body)))).toBe(text);
  });

  it.each([
    ["0602", "6/2 cease, administrative shutdown"],
    ["060403627965", '6/4 cease, administrative reset: "bye"'],
    ["0604032230 0a".replace(" ", ""), '6/4 cease, administrative reset: "\\"0\u{fffd}"'],
    ["0609060203627965", '6/9 cease, hard reset: 6/2 cease, administrative shutdown: "bye"'],
    ["0609 0609 0609".replaceAll(" ", ""), "6/9 cease, hard reset: 6/9"],
    ["0101", "1/1 message header error, connection not synchronised"],
    ["0201 0004".replace(" ", ""), "2/1 OPEN message error, unsupported version number (data 0004)"],
    ["020b", "2/11 OPEN message error, role mismatch"],
    ["0400", "4/0 hold timer expired"],
    ["0503", "5/3 finite state machine error, unexpected message in Established state"],
    ["0701", "7/1 ROUTE-REFRESH message error, invalid message length"],
    ["0800", "8/0 send hold timer expired"],
    ["0699", "6/153 cease, unknown subcode"],
    ["6301", "99/1 unknown error, unknown subcode"],
  ])("%s is described as: %s", (body, text) => {
    expect(describeNotification(decodeNotification(messageOf(3, body)))).toBe(text);
  });

  it("describes whatever comes, in one line that is not too long", () => {
    fc.assert(
      fc.property(notification, (notification) => {
        const text = describeNotification(notification);
        expect(text).not.toMatch(/\p{Cc}/u);
        expect(text.length).toBeLessThan(1200);
      }),
    );
  });
});
