import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONTROL_LENGTH, decodeControl, encodeControl } from "../src/wire.ts";
import { controlPacket } from "./support/arbitraries.ts";

/** By hand from RFC 5880 section 4.1. */
const UP = "20c803180000000100000002000493e0000493e000000000";

const of = (hex: string): Uint8Array => Buffer.from(hex, "hex");

describe("control packets", () => {
  it("are what RFC 5880 section 4.1 says, byte for byte", () => {
    const bytes = encodeControl({
      ...{ diagnostic: "none", state: "up", poll: false, final: false },
      ...{ controlPlaneIndependent: true, demand: false, detectMultiplier: 3 },
      ...{ myDiscriminator: 1, yourDiscriminator: 2 },
      ...{ desiredMinTransmit: 300_000, requiredMinReceive: 300_000, requiredMinEcho: 0 },
    });
    expect(bytes.toString("hex")).toBe(UP);
  });

  it.each([
    // State and diagnostic of FRR's and BIRD's first packets, and of those that end a session.
    ["2040051800000007000000000010c8e00010c8e000000000", { state: "down", diagnostic: "none" }],
    ["2340031800000007000000090010c8e00010c8e000000000", { diagnostic: "neighbour-signaled-down" }],
    ["2780031800000007000000090010c8e00010c8e000000000", { state: "init" }],
    ["2700031800000007000000000010c8e00010c8e000000000", { state: "admin-down" }],
    ["20e003180000000100000002000493e0000493e000000000", { poll: true, final: false }],
    ["20d003180000000100000002000493e0000493e000000000", { poll: false, final: true }],
    ["20c203180000000100000002000493e0000493e0000186a0", { demand: true, requiredMinEcho: 100_000 }],
    ["3fc003180000000100000002000493e0000493e000000000", { diagnostic: "unknown" }],
    // Longer than the packet: what follows is not ours.
    [`${UP}ffff`, { state: "up", yourDiscriminator: 2 }],
  ])("%s is read as %o", (hex, expected) => {
    expect(decodeControl(of(hex))).toMatchObject(expected);
  });

  it.each([
    ["", "shorter"],
    [UP.slice(0, -2), "shorter"],
    [`00${UP.slice(2)}`, "version 0"],
    [`40${UP.slice(2)}`, "version 2"],
    ["20c803170000000100000002000493e0000493e000000000", "too small"],
    ["20cc03180000000100000002000493e0000493e000000000", "too small"],
    ["20c803190000000100000002000493e0000493e000000000", "beyond"],
    ["20c800180000000100000002000493e0000493e000000000", "multiplier 0"],
    ["20c903180000000100000002000493e0000493e000000000", "multipoint"],
    ["20c803180000000000000002000493e0000493e000000000", "no discriminator of the sender"],
    ["20c803180000000100000000000493e0000493e000000000", "no discriminator of ours in state up"],
    ["208803180000000100000000000493e0000493e000000000", "no discriminator of ours in state init"],
    ["20cc031a0000000100000002000493e0000493e0000000000100", "authenticated"],
  ])("%s is discarded: %s", (hex, why) => {
    expect(decodeControl(of(hex))).toEqual({ discarded: expect.stringContaining(why) as string });
  });

  it("come back as they went", () => {
    fc.assert(
      fc.property(controlPacket, (packet) => {
        expect(decodeControl(encodeControl(packet))).toEqual(packet);
      }),
    );
  });

  it("get a decision, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const packet = decodeControl(bytes);
        if ("discarded" in packet) return;
        // What was let in is what an honest sender would have sent.
        const again = encodeControl(packet);
        if (packet.diagnostic === "unknown") return;
        expect(again).toEqual(
          Buffer.from(bytes)
            .subarray(0, CONTROL_LENGTH)
            .fill(again[3] ?? 0, 3, 4),
        );
      }),
      { numRuns: 20_000 },
    );
  });

  it("get a decision when single bits of a good packet flip", () => {
    for (let bit = 0; bit < CONTROL_LENGTH * 8; bit += 1) {
      const bytes = Buffer.from(UP, "hex");
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      expect(decodeControl(bytes)).toBeTypeOf("object");
    }
  });
});
