import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DIAGNOSTICS, encodeControl, STATES } from "../src/wire.ts";
import { controlPacket } from "./support/arbitraries.ts";
import { isInstalled } from "./support/installed.ts";

describe.skipIf(!isInstalled("tshark"))("control packets, as tshark reads them", () => {
  it("say what was meant", () => {
    const packets = fc.sample(controlPacket, { numRuns: 300, seed: 5880 });
    const rows = dissect(packets.map(encodeControl));
    expect(rows).toEqual(
      packets.map((packet) =>
        [
          ...[DIAGNOSTICS.indexOf(packet.diagnostic as "none"), STATES.indexOf(packet.state)],
          ...[packet.poll, packet.final, packet.controlPlaneIndependent, packet.demand].map(Number),
          ...[packet.detectMultiplier, 24, packet.myDiscriminator, packet.yourDiscriminator],
          ...[packet.desiredMinTransmit, packet.requiredMinReceive, packet.requiredMinEcho],
        ].join(" "),
      ),
    );
  });
});

const FIELDS = [
  ...["bfd.diag", "bfd.sta", "bfd.flags.p", "bfd.flags.f", "bfd.flags.c", "bfd.flags.d"],
  ...["bfd.detect_time_multiplier", "bfd.message_length", "bfd.my_discriminator", "bfd.your_discriminator"],
  ...["bfd.desired_min_tx_interval", "bfd.required_min_rx_interval", "bfd.required_min_echo_interval"],
];

/** The fields of each packet, and a word where tshark complains. */
function dissect(packets: readonly Buffer[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), "bfd-"));
  try {
    const file = join(directory, "bfd.pcap");
    writeFileSync(file, pcap(packets));
    const fields = [...FIELDS, "_ws.malformed", "_ws.expert.message"].flatMap((field) => ["-e", field]);
    const text = execFileSync("tshark", ["-n", "-r", file, "-T", "fields", ...fields], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return text
      .trimEnd()
      .split("\n")
      .map((line) =>
        line
          .trimEnd()
          .split("\t")
          .map((field) =>
            /^(True|False)$/.test(field)
              ? Number(field === "True")
              : field === ""
                ? ""
                : Number.isNaN(Number(field))
                  ? field
                  : Number(field),
          )
          .join(" "),
      );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A capture of UDP datagrams to port 3784 in IPv4 without link layer (LINKTYPE_RAW). */
function pcap(packets: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2_c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0xffff, 16);
  header.writeUInt32LE(101, 20);
  const records = packets.map((payload) => {
    const record = Buffer.alloc(16 + 28);
    const length = 28 + payload.length;
    record.writeUInt32LE(length, 8);
    record.writeUInt32LE(length, 12);
    record.writeUInt16BE(0x4500, 16);
    record.writeUInt16BE(length, 18);
    record.writeUInt8(255, 24);
    record.writeUInt8(17, 25);
    record.set([192, 0, 2, 1, 192, 0, 2, 2], 28);
    record.writeUInt16BE(49_152, 36);
    record.writeUInt16BE(3784, 38);
    record.writeUInt16BE(8 + payload.length, 40);
    return Buffer.concat([record, payload]);
  });
  return Buffer.concat([header, ...records]);
}
