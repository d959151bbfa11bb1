import { isIPv4, isIPv6 } from "node:net";
import { invalid } from "../errors.ts";

export type IpFamily = 4 | 6;

export interface IpAddress {
  readonly family: IpFamily;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Buffer;
  /** What follows `%`: a device's name or index. */
  readonly zone: string | undefined;
}

/** Parses `10.0.0.1`, `fd00::1` or `fe80::1%eth0`. */
export function parseIp(op: string, text: string): IpAddress {
  const parsed = typeof text === "string" ? tryParse(text) : undefined;
  if (parsed === undefined) throw invalid(op, text, "an IPv4 or IPv6 address");
  return parsed;
}

export interface IpPrefix extends IpAddress {
  /** In bits. */
  readonly length: number;
}

/** Parses `10.0.0.0/24`; without a length the prefix is the whole address. */
export function parsePrefix(op: string, text: string): IpPrefix {
  const expected = "an IPv4 or IPv6 address with an optional prefix length";
  const [, address = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const parsed = tryParse(address);
  if (parsed === undefined) throw invalid(op, text, expected);
  const bits = parsed.bytes.length * 8;
  const wanted = length === undefined ? bits : Number(length);
  if (wanted > bits) throw invalid(op, text, expected);
  return { ...parsed, length: wanted };
}

/** Writes 4 bytes as `10.0.0.1`, 16 bytes as RFC 5952 text. */
export function formatIp(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  // The URL parser writes the canonical form; it alone would turn a mapped address into hexadecimal.
  if (/^(0 ){5}ffff /.test(groups.join(" "))) return `::ffff:${bytes.subarray(12).join(".")}`;
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Whether an address means nothing without a device: fe80::/10, RFC 4291 section 2.5.6. */
export function isLinkLocal({ family, bytes }: IpAddress): boolean {
  return family === 6 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

function tryParse(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 4, bytes: ipv4Bytes(text), zone: undefined };
  if (!isIPv6(text)) return undefined;
  const [address = "", zone] = text.split("%", 2);
  return { family: 6, bytes: ipv6Bytes(address), zone: zone === "" ? undefined : zone };
}

function ipv4Bytes(text: string): Buffer {
  return Buffer.from(text.split(".").map(Number));
}

/** Of text that is known to be right: RFC 4291 section 2.2. */
function ipv6Bytes(text: string): Buffer {
  const groups = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => (group.includes(".") ? pair(group) : [parseInt(group, 16)]));
  const [before = "", after] = text.split("::", 2);
  const left = groups(before);
  const right = after === undefined ? [] : groups(after);
  const bytes = Buffer.alloc(16);
  left.forEach((group, at) => bytes.writeUInt16BE(group, at * 2));
  right.forEach((group, at) => bytes.writeUInt16BE(group, (8 - right.length + at) * 2));
  return bytes;
}

function pair(dotted: string): number[] {
  const bytes = ipv4Bytes(dotted);
  return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
}
