import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  encodeAttributes,
  encodeEndOfRib,
  encodeOpen,
  decodeOpen,
  packReach,
  packWithdraw,
  prefixSource,
  readNlri,
  type NlriRun,
  type PathAttributes,
  type WireContext,
  MessageReader,
  UpdateDecoder,
} from "../../src/wire/index.ts";
import { contextOf, hex, refusedWith, toHex } from "./support/build.ts";

/** What ExaBGP sends for a command, and what it says it is. Source and license: data/README.md. */
interface Vectors {
  readonly source: string;
  readonly files: readonly {
    readonly file: string;
    readonly lines: readonly {
      readonly step: string;
      readonly kind: "cmd" | "raw" | "json";
      readonly value: string;
    }[];
  }[];
}

interface Vector {
  readonly name: string;
  readonly file: string;
  readonly command: string;
  readonly bytes: Uint8Array;
  /** ExaBGP's own reading of it. */
  readonly update: ExaUpdate | undefined;
}

interface ExaUpdate {
  readonly attribute?: Readonly<Record<string, unknown>>;
  readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly ExaPrefix[]>>>>;
  readonly withdraw?: Readonly<Record<string, readonly ExaPrefix[]>>;
}

interface ExaPrefix {
  readonly nlri: string;
  readonly "path-information"?: string;
}

const FAMILIES = { "ipv4 unicast": "ipv4-unicast", "ipv6 unicast": "ipv6-unicast" } as const;

const vectors = load();
const updates = vectors.filter(({ bytes }) => bytes[18] === 2);

/** Decisions that differ from "is decoded", and why. */
const REFUSED: Readonly<Record<string, string>> = {
  // Flags 60: said to be well-known, and nobody knows it (RFC 4271 section 6.3).
  "conf-generic-attribute.ci attribute [0x99 0x60 0x00000064]": "0302609904 00000064",
  "conf-generic-attribute.ci attribute [0x99 0x70 0x00000064]": "0302709900 0400000064",
  // An IPv4 next hop for IPv6 prefixes is in no RFC we carry: RFC 4760, RFC 8950.
  "extended-nexthop.ci next-hop 170.170.170.170":
    "0309800e1a00020104aaaaaaaa0080deadbeefdeadbeefdeadbeefdeadbeef",
};

describe("vectors of another implementation", () => {
  it("are all there", () => {
    expect(vectors).toHaveLength(166);
    expect(updates.filter(({ update }) => carried(update)).length).toBeGreaterThan(50);
  });

  it.each(updates.filter((each) => expectedRefusal(each) === undefined && !badNextHop(each)))(
    "$name is read as it was meant, and no fault is found",
    (vector) => {
      const update = new UpdateDecoder(contextFor(vector)).decode(vector.bytes);
      expect(update.faults).toEqual([]);
      if (vector.update === undefined) return;
      expect(prefixesOf(update.withdrawn)).toEqual(wanted(vector.update.withdraw));
      const reach = update.reach.map((each) => ({
        nextHop: each.attributes().nextHop,
        prefixes: prefixesOf([each.run]),
      }));
      expect(reach).toEqual(wantedReach(vector.update));
      for (const each of update.reach)
        expect(comparable(each.attributes())).toEqual(wantedAttributes(vector.update));
    },
  );

  it.each(updates.filter((each) => expectedRefusal(each) === undefined && !badNextHop(each) && ours(each)))(
    "$name is written byte for byte",
    (vector) => {
      const context = contextFor(vector);
      const update = new UpdateDecoder(context).decode(vector.bytes);
      const written: Uint8Array[] = [];
      if (update.endOfRib !== undefined) written.push(encodeEndOfRib(update.endOfRib));
      for (const run of update.withdrawn) {
        const prefixes = [...readNlri(run)];
        const source = prefixSource(prefixes, run.addPath);
        written.push(packWithdraw(context, run.family, source, 0, prefixes.length).message);
      }
      for (const { run, attributes } of update.reach) {
        const prefixes = [...readNlri(run)];
        const encoded = encodeAttributes(attributes(), context, run.family);
        const source = prefixSource(prefixes, run.addPath);
        const packed = packReach(context, run.family, encoded, source, 0, prefixes.length);
        expect(packed?.taken).toBe(prefixes.length);
        if (packed !== undefined) written.push(packed.message);
      }
      expect(written.map(canonical)).toEqual([canonical(vector.bytes)]);
    },
  );

  it.each(updates.filter((each) => expectedRefusal(each) !== undefined))("$name is refused", (vector) => {
    const decoder = new UpdateDecoder(contextFor(vector));
    expect(refusedWith(() => decoder.decode(vector.bytes))).toBe(expectedRefusal(vector));
  });

  it.each(updates.filter((each) => badNextHop(each)))(
    "$name is treated as withdrawn: broadcast is no host",
    (vector) => {
      const update = new UpdateDecoder(contextFor(vector)).decode(vector.bytes);
      expect(update.reach).toEqual([]);
      expect(prefixesOf(update.withdrawn)).toEqual(wanted(flatAnnounce(vector.update)));
      expect(update.faults).toMatchObject([{ attribute: 3, action: "treat-as-withdraw" }]);
    },
  );

  it.each(vectors.filter(({ bytes }) => bytes[18] === 1))("$name: the OPEN comes back", ({ bytes }) => {
    const open = decodeOpen(bytes);
    expect(open.capabilities.length).toBeGreaterThan(2);
    expect(decodeOpen(encodeOpen(open))).toEqual(open);
    // ExaBGP gives each capability a parameter of its own: the capabilities are the same bytes.
    expect(capabilityBytes(encodeOpen(open))).toBe(capabilityBytes(bytes));
  });

  it.each(vectors.filter(({ bytes }) => (bytes[18] as number) > 5))(
    "$name: the type is refused",
    ({ bytes }) => {
      const reader = new MessageReader();
      reader.push(bytes);
      expect(refusedWith(() => reader.next())).toBe(`0103${toHex(bytes.subarray(18, 19))}`);
    },
  );
});

function load(): Vector[] {
  const file = new URL("../data/bgp-vectors.json.gz", import.meta.url);
  const vectors = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Vectors;
  return vectors.files.flatMap(({ file, lines }) =>
    lines.flatMap(({ kind, value }, index) => {
      if (kind !== "raw") return [];
      const next = lines[index + 1];
      const command = lines[index - 1]?.kind === "cmd" ? (lines[index - 1]?.value ?? "") : "";
      const update = next?.kind === "json" ? exaUpdate(next.value) : undefined;
      return [{ name: `${file} ${index}: ${command}`, file, command, bytes: hex(value), update }];
    }),
  );
}

function exaUpdate(text: string): ExaUpdate | undefined {
  // Numbers of 64 bits are kept as text.
  const exact = text.replaceAll(/("value": ?)(\d{10,})/g, '$1"$2"');
  return (JSON.parse(exact) as { neighbor?: { message?: { update?: ExaUpdate } } }).neighbor?.message?.update;
}

/** The session ExaBGP had: told by what it was asked to send. */
function contextFor({ file, command, bytes }: Vector): WireContext {
  const addPath = command.includes("path-information") || file === "conf-path-information.ci";
  return contextOf({
    fourOctetAs: file !== "conf-no-asn4.ci",
    internal: toHex(bytes).includes("400504") || file !== "conf-ebgp.ci",
    addPathReceive: addPath ? ["ipv4-unicast"] : [],
    addPathSend: addPath ? ["ipv4-unicast"] : [],
    extendedNextHop: file === "extended-nexthop.ci",
    maxMessage: bytes.length > 4096 ? 65535 : 4096,
  });
}

function expectedRefusal({ file, command }: Vector): string | undefined {
  const found = Object.entries(REFUSED).find(([key]) => {
    const [wantedFile = "", ...rest] = key.split(" ");
    return wantedFile === file && command.includes(rest.join(" "));
  });
  return found?.[1].replaceAll(" ", "");
}

function badNextHop({ command, update }: Vector): boolean {
  return command.includes("next-hop 255.255.255.255") && carried(update);
}

function carried(update: ExaUpdate | undefined): boolean {
  return [...Object.keys(update?.announce ?? {}), ...Object.keys(update?.withdraw ?? {})].some(
    (family) => family in FAMILIES,
  );
}

/** Of families we carry: with prefixes, or an End-of-RIB. */
function ours({ bytes, update, command }: Vector): boolean {
  return (
    carried(update) || /eor ipv[46] unicast/.test(command) || (update === undefined && bytes.length === 23)
  );
}

function prefixesOf(runs: readonly NlriRun[]): string[] {
  return runs.flatMap((run) =>
    [...readNlri(run)].map(({ prefix, pathId }) => (run.addPath ? `${prefix} ${pathId}` : prefix)),
  );
}

function text({ nlri, "path-information": path }: ExaPrefix): string {
  if (path === undefined) return nlri;
  return `${nlri} ${path.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0)}`;
}

function wanted(families: ExaUpdate["withdraw"]): string[] {
  return Object.keys(FAMILIES).flatMap((family) => families?.[family]?.map(text) ?? []);
}

function flatAnnounce(update: ExaUpdate | undefined): ExaUpdate["withdraw"] {
  return Object.fromEntries(
    Object.entries(update?.announce ?? {}).map(([family, byNextHop]) => [
      family,
      Object.values(byNextHop).flat(),
    ]),
  );
}

function wantedReach({ announce }: ExaUpdate): { nextHop: string; prefixes: string[] }[] {
  return Object.keys(FAMILIES).flatMap((family) =>
    Object.entries(announce?.[family] ?? {}).map(([nextHop, prefixes]) => ({
      nextHop,
      prefixes: prefixes.map(text),
    })),
  );
}

/** In ExaBGP's names, as far as it names what it read. */
function comparable(attributes: PathAttributes): Record<string, unknown> {
  return {
    origin: attributes.origin,
    "as-path": attributes.asPath.flatMap(({ asns }) => asns),
    med: attributes.med,
    "local-preference": attributes.localPref,
    "atomic-aggregate": attributes.atomicAggregate,
    aggregator: attributes.aggregator && `${attributes.aggregator.asn}:${attributes.aggregator.address}`,
    community: attributes.communities?.map((each) => [each >>> 16, each & 0xffff]),
    "large-community": attributes.largeCommunities,
    "extended-community": attributes.extendedCommunities?.map(String),
    "originator-id": attributes.originatorId,
    "cluster-list": attributes.clusterList,
  };
}

function wantedAttributes({ attribute = {} }: ExaUpdate): Record<string, unknown> {
  const path = Object.values((attribute["as-path"] ?? {}) as Record<string, { value: number[] }>);
  const extended = attribute["extended-community"] as { value: string | number }[] | undefined;
  return {
    origin: attribute["origin"],
    "as-path": path.flatMap(({ value }) => value),
    med: attribute["med"],
    "local-preference": attribute["local-preference"],
    "atomic-aggregate": attribute["atomic-aggregate"],
    aggregator: attribute["aggregator"],
    community: attribute["community"],
    "large-community": attribute["large-community"],
    "extended-community": extended?.map(({ value }) => String(value)),
    "originator-id": attribute["originator-id"],
    "cluster-list": attribute["cluster-list"],
  };
}

/**
 * Where writers may differ, made the same: MP attributes anywhere (RFC 7606 section 5.1 wants them first; ExaBGP sends
 * them last), and with either length. Everything else must be the same byte.
 */
function canonical(message: Uint8Array): string {
  const start = 23 + (((message[19] as number) << 8) | (message[20] as number));
  const end = start + (((message[start - 2] as number) << 8) | (message[start - 1] as number));
  const attributes: string[] = [];
  const multiprotocol: string[] = [];
  for (let at = start; at < end;) {
    const long = ((message[at] as number) & 0x10) !== 0;
    const value = at + (long ? 4 : 3);
    const next =
      value +
      (long ? ((message[at + 2] as number) << 8) | (message[at + 3] as number) : (message[at + 2] as number));
    const type = message[at + 1] as number;
    if (type === 14 || type === 15) multiprotocol.push(`${type} ${toHex(message.subarray(value, next))}`);
    else attributes.push(toHex(message.subarray(at, next)));
    at = next;
  }
  return multiprotocol.length === 0
    ? toHex(message)
    : [...multiprotocol, ...attributes, toHex(message.subarray(end))].join("\n");
}

function capabilityBytes(open: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 29; at < open.length; at += 2 + (open[at + 1] as number))
    parts.push(toHex(open.subarray(at + 2, at + 2 + (open[at + 1] as number))));
  return parts.join("");
}
