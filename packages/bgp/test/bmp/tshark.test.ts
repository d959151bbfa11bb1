import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { encodeBmp, type BmpPeer } from "../../src/bmp/wire.ts";
import { attributeOf, messageOf } from "../wire/support/build.ts";
import { ALL, Fabric } from "../speaker/support/fabric.ts";
import { FakeStation } from "./support/fake-station.ts";

/** Wireshark's dissector: knows BMP, and nothing of this package. */
const missing = ["tshark", "text2pcap"].filter((program) => spawnSync(program, ["--version"]).status !== 0);
if (missing.length > 0)
  console.warn(`SKIPPED: what Wireshark says of our BMP, because ${missing.join(" and ")} is missing`);

const A = "192.0.2.1";
const B = "192.0.2.2";
const S = "192.0.2.9";
const PORT = 11_019;

const peer: BmpPeer = {
  ...{ type: 0, distinguisher: 0n, address: B, asn: 70_000, routerId: B, at: 0 },
  ...{ postPolicy: false, legacyAsPath: false, adjRibOut: false },
};

/** What a station hears from the beginning of a session to its end, message by message. */
async function session(): Promise<Uint8Array[]> {
  const fabric = new Fabric();
  const station = new FakeStation();
  await station.listen(fabric.transport(S), S, PORT);
  const families = {
    "ipv4-unicast": { import: ALL, export: ALL },
    "ipv6-unicast": { import: ALL, export: ALL },
  };
  const a = fabric.speaker(A, 65_001, [{ at: B, asn: 70_000, families }]);
  const b = fabric.speaker(B, 70_000, [{ at: A, asn: 65_001, families }]);
  b.advertise("pods", [
    { prefix: "10.1.0.0/24", med: 7, communities: ["65002:1"], largeCommunities: ["70000:1:2"] },
    { prefix: "10.2.0.0/25", prepend: 3 },
    { prefix: "2001:db8:1::/48", nextHop: "2001:db8::2" },
  ]);
  await fabric.seconds(5);
  const bmp = { stations: [{ address: S, port: PORT }], statisticsInterval: 10 };
  await a.apply({ ...fabric.config(A, 65_001, [{ at: B, asn: 70_000, families }]), bmp });
  await fabric.seconds(1);
  b.advertise("pods", [{ prefix: "10.3.0.0/16" }]);
  await fabric.seconds(10);
  b.reset(A, "maintenance");
  await fabric.seconds(10);
  const closing = a.close("preserve");
  await fabric.seconds(3);
  await closing;
  await fabric.close();
  return station.heard.messages.map(encodeBmp);
}

/** Fields of each message that passes the filter, as text. */
function dissect(messages: readonly Uint8Array[], fields: readonly string[], filter = "bmp"): string[] {
  const directory = mkdtempSync(path.join(tmpdir(), "bmp-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [text, capture] = [path.join(directory, "messages.txt"), path.join(directory, "messages.pcap")];
  writeFileSync(text, messages.map(hexDump).join("\n"));
  execFileSync("text2pcap", ["-q", "-T", `40000,${PORT}`, text, capture], { stdio: "ignore" });
  const options = [
    ...["-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE"],
    ...["-d", `tcp.port==${PORT},bmp`, "-Y", filter, "-T", "fields", "-E", "separator= "],
    ...fields.flatMap((field) => ["-e", field]),
  ];
  const lines = execFileSync("tshark", ["-r", capture, ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return lines.split("\n").slice(0, -1);
}

const COMPLAINTS = "_ws.malformed || _ws.short || _ws.expert";

/** As text2pcap reads it: an offset, and the bytes. */
function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, "0"));
    lines.push(`${at.toString(16).padStart(6, "0")} ${row.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}

describe.skipIf(missing.length > 0)("Wireshark", () => {
  it("dissects the BMP of a session from its beginning to its end", async () => {
    const messages = await session();
    expect(dissect(messages, ["bmp.type"], COMPLAINTS)).toEqual([]);
    const fields = ["bmp.type", "bmp.peer.ip.addr", "bgp.type"];
    const values = [
      ...["bmp.init.info", "bmp.peer.asn", "bgp.cap.4as", "bgp.nlri_prefix", "bgp.withdrawn_prefix"],
      ...["bgp.mp_reach_nlri_ipv6_prefix", "bgp.mp_unreach_nlri_ipv6_prefix"],
      ...["bmp.stats.data.prefix_rej", "bmp.stats.data.routes_adj_rib_in", "bmp.peer.down.reason"],
      ...["bgp.notify.communication", "bmp.term.reason"],
    ];
    const rows = dissect(messages, [...fields, ...values]).map((row) => row.replaceAll(/ +/g, " "));
    const update = `0 ${B} 2 70000 `;
    expect(rows).toEqual([
      `4 @netloom/bgp,${A} `,
      `3 ${B} 1,1 70000 65001,70000 `,
      // What there is, and that it is all: of each family.
      ...[`${update}10.1.0.0 `, `${update}10.2.0.0 `, update, `${update}2001:db8:1:: `, update],
      // As it came.
      ...[`${update}10.2.0.0,10.1.0.0 `, `${update}10.3.0.0 `, `${update}2001:db8:1:: `],
      ...[`1 ${B} 70000 0 1 `, `2 ${B} 3 70000 3 maintenance `],
      `3 ${B} 1,1 70000 65001,70000 `,
      ...[`${update}10.3.0.0 `, update, update],
      ...[`1 ${B} 70000 0 1 `, `2 ${B} 70000 2 `, "5 0"],
    ]);
  });

  it("would notice", () => {
    const update = messageOf(2, "0000", "0004", attributeOf(0x40, 1, "00"));
    // The length of ORIGIN.
    update[25] = 9;
    const message = encodeBmp({ kind: "route-monitoring", peer, update });
    expect(dissect([message], ["bmp.type"], COMPLAINTS)).toHaveLength(1);
  });
});
