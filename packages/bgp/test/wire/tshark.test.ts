import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WireContext } from "../../src/wire/index.ts";
import { contextOf } from "./support/build.ts";
import { sampleOpen, sampleOthers, samplePrefixes, sampleUpdates } from "./support/samples.ts";

/** Wireshark's dissector: knows BGP, and nothing of this package. */
const missing = ["tshark", "text2pcap"].filter((program) => spawnSync(program, ["--version"]).status !== 0);
if (missing.length > 0)
  console.warn(`SKIPPED: what Wireshark says of our messages, because ${missing.join(" and ")} is missing`);

type Tree = { readonly [name: string]: Tree | string | readonly (Tree | string)[] };

/** One TCP segment for each message, dissected. */
function layersOf(messages: readonly Uint8Array[]): Tree[] {
  const directory = mkdtempSync(path.join(tmpdir(), "bgp-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const text = path.join(directory, "messages.txt");
  const capture = path.join(directory, "messages.pcap");
  writeFileSync(text, messages.map(hexDump).join("\n"));
  execFileSync("text2pcap", ["-q", "-T", "40000,179", text, capture], { stdio: "ignore" });
  const options = ["-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE"];
  const json = execFileSync("tshark", ["-r", capture, "-T", "json", "--no-duplicate-keys", ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 26,
  });
  const packets = JSON.parse(json) as { _source: { layers: Tree } }[];
  expect(packets).toHaveLength(messages.length);
  return packets.map(({ _source: { layers } }) => layers);
}

/** The BGP layer of each message, without a complaint. */
function dissect(messages: readonly Uint8Array[]): Tree[] {
  return layersOf(messages).map((layers) => {
    expect(layers).toHaveProperty("bgp");
    expect(complains(layers)).toBe(false);
    return layers["bgp"] as Tree;
  });
}

function complains(layers: Tree): boolean {
  return /_ws\.(malformed|expert|short)/.test(JSON.stringify(layers));
}

/** As text2pcap reads it: an offset, and the bytes. */
function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, "0"));
    lines.push(`${at.toString(16).padStart(6, "0")} ${row.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Values of a field, wherever in the tree it is. */
function values(tree: Tree | string | readonly (Tree | string)[], field: string): string[] {
  if (typeof tree === "string") return [];
  if (Array.isArray(tree)) return tree.flatMap((each: Tree | string) => values(each, field));
  return Object.entries(tree as Tree).flatMap(([name, value]) => {
    const below = typeof value === "string" ? [] : values(value, field);
    if (name !== field) return below;
    const here =
      typeof value === "string"
        ? [value]
        : Array.isArray(value)
          ? value.filter((each) => typeof each === "string")
          : [];
    return [...here, ...below];
  });
}

function first(tree: Tree, ...fields: string[]): Record<string, string | undefined> {
  return Object.fromEntries(fields.map((field) => [field, values(tree, field)[0]]));
}

describe.skipIf(missing.length > 0)("Wireshark", () => {
  it("would notice", () => {
    const [open, update] = [sampleOpen(), sampleUpdates(contextOf())[0]];
    if (update === undefined) throw new Error("there is no UPDATE");
    open[30] = 99;
    // The length of ORIGIN.
    update[25] = 2;
    expect(layersOf([open, update]).map(complains)).toEqual([true, true]);
  });

  it("dissects an OPEN with everything in it", () => {
    const [open] = dissect([sampleOpen()]);
    if (open === undefined) throw new Error("nothing was dissected");
    expect(first(open, "bgp.open.myas", "bgp.open.holdtime", "bgp.open.identifier")).toEqual({
      "bgp.open.myas": "23456",
      "bgp.open.holdtime": "90",
      "bgp.open.identifier": "192.0.2.1",
    });
    expect(values(open, "bgp.cap.type")).toEqual([
      "1",
      "1",
      "2",
      "5",
      "6",
      "9",
      "64",
      "65",
      "69",
      "70",
      "71",
      "73",
    ]);
    expect(values(open, "bgp.cap.4as")).toEqual(["4200000001"]);
    expect(values(open, "bgp.cap.gr.timers.restart_time")).toEqual(["120"]);
    expect(values(open, "bgp.cap.enh.nhafi")).toEqual(["2"]);
  });

  it("dissects everything else that is no UPDATE", () => {
    const [, keepalive, request, begin, end, shutdown, hard] = dissect(sampleOthers());
    expect(values(keepalive ?? {}, "bgp.type")).toEqual(["4"]);
    expect(
      [request, begin, end].map((each) =>
        first(each ?? {}, "bgp.route_refresh.afi", "bgp.route_refresh.subtype"),
      ),
    ).toEqual([
      { "bgp.route_refresh.afi": "1", "bgp.route_refresh.subtype": "0" },
      { "bgp.route_refresh.afi": "2", "bgp.route_refresh.subtype": "1" },
      { "bgp.route_refresh.afi": "2", "bgp.route_refresh.subtype": "2" },
    ]);
    expect(values(shutdown ?? {}, "bgp.notify.communication")).toEqual(["maintenance, until 7 o'clock ☕"]);
    expect(first(hard ?? {}, "bgp.notify.major_error", "bgp.notify.minor_error_cease")).toEqual({
      "bgp.notify.major_error": "6",
      "bgp.notify.minor_error_cease": "9",
    });
  });

  const sessions: readonly (readonly [string, Partial<WireContext>])[] = [
    ["of one AS", {}],
    ["with another AS", { internal: false }],
    ["with IPv6 next hops for IPv4", { extendedNextHop: true }],
  ];
  it.each(sessions)("dissects UPDATEs of a session %s", (_, changes) => {
    const context = contextOf(changes);
    const updates = dissect(sampleUpdates(context));
    const prefixes = updates.flatMap((update) => values(update, "bgp.prefix_length").length);
    const told = context.extendedNextHop ? 5 : 4;
    expect(prefixes.reduce((sum, count) => sum + count)).toBe(told * samplePrefixes("ipv4-unicast").length);
    const [reach] = updates;
    if (reach === undefined) throw new Error("nothing was dissected");
    const internal = context.internal;
    expect(values(reach, "bgp.update.path_attribute.type_code")).toEqual([
      "1",
      "2",
      "3",
      "4",
      ...(internal ? ["5"] : []),
      "6",
      "7",
      "8",
      ...(internal ? ["9", "10"] : []),
      "16",
      "32",
      "35",
    ]);
    expect(
      first(
        reach,
        "bgp.update.path_attribute.origin",
        "bgp.update.path_attribute.next_hop",
        "bgp.update.path_attribute.multi_exit_disc",
        "bgp.update.path_attribute.aggregator_as",
      ),
    ).toEqual({
      "bgp.update.path_attribute.origin": "1",
      "bgp.update.path_attribute.next_hop": "192.0.2.1",
      "bgp.update.path_attribute.multi_exit_disc": "77",
      "bgp.update.path_attribute.aggregator_as": "70000",
    });
    expect(values(reach, "bgp.update.path_attribute.as_path_segment.as4")).toEqual([
      "65001",
      "70000",
      "65003",
      "65010",
      "65011",
    ]);
    expect(values(reach, "bgp.nlri_prefix")).toEqual(["0.0.0.0", "10.0.0.0", "192.0.2.128", "198.51.100.7"]);
  });
});
