import { invalid } from "../errors.ts";

/** IP version. */
export type IpFamily = 4 | 6;

export interface IpAddress {
  readonly family: IpFamily;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Buffer;
}

export interface IpPrefix extends IpAddress {
  /** Prefix length in bits: 0–32 or 0–128. */
  readonly length: number;
}

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Parses `10.0.0.1` or `fd00::1`. Zones (`%eth0`) and prefix lengths are refused. */
export function parseIp(op: string, text: string): IpAddress {
  const bytes = bytesOf(text);
  if (bytes === undefined) throw invalid(op, text, "an IPv4 or IPv6 address");
  return { family: bytes.length === 4 ? 4 : 6, bytes };
}

/** Parses `10.0.0.1/24`; without a length the prefix is the whole address. Host bits may be set. */
export function parsePrefix(op: string, text: string): IpPrefix {
  const expected = "an IPv4 or IPv6 address with an optional prefix length";
  if (typeof text !== "string") throw invalid(op, text, expected);
  const slash = text.indexOf("/");
  const bytes = bytesOf(slash === -1 ? text : text.slice(0, slash));
  if (bytes === undefined) throw invalid(op, text, expected);
  const bits = bytes.length * 8;
  const length = slash === -1 ? bits : decimal(text, slash + 1, text.length, bits);
  if (length === undefined) throw invalid(op, text, expected);
  return { family: bytes.length === 4 ? 4 : 6, bytes, length };
}

/** Like {@link parsePrefix}, for a network: a bit set after the prefix is refused, as the kernel would (IPv4) or silently clear (IPv6). */
export function parseNetwork(op: string, text: string): IpPrefix {
  const prefix = parsePrefix(op, text);
  if (hasHostBits(prefix)) throw invalid(op, text, "a network: bits after the prefix are set");
  return prefix;
}

/** Writes 4 bytes as `10.0.0.1`, 16 bytes as RFC 5952 text. */
export function formatIp(bytes: Buffer, start = 0, end: number = bytes.length): string {
  return end - start === 4 ? formatIpv4(bytes, start) : formatIpv6(bytes, start);
}

function formatIpv4(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function formatIpv6(bytes: Buffer, at: number): string {
  const group = (index: number): number => bytes.readUInt16BE(at + index * 2);
  const zeros = longestZeroRun(group);
  // RFC 5952 section 5: IPv4-mapped addresses keep their dotted tail.
  if (zeros.start === 0 && zeros.length === 5 && group(5) === 0xffff)
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  let text = "";
  for (let index = 0; index < 8; index += 1) {
    if (index === zeros.start) {
      text += index === 0 ? "::" : ":";
      index += zeros.length - 1;
    } else {
      text += group(index).toString(16);
      if (index < 7) text += ":";
    }
  }
  return text;
}

/** The first longest run of two or more zero groups (RFC 5952 section 4.2); `start` is -1 when there is none. */
function longestZeroRun(group: (index: number) => number): { start: number; length: number } {
  const best = { start: -1, length: 1 };
  for (let index = 0; index < 8; index += 1) {
    let length = 0;
    while (index + length < 8 && group(index + length) === 0) length += 1;
    if (length > best.length) {
      best.start = index;
      best.length = length;
    }
    if (length > 0) index += length;
  }
  return best;
}

function bytesOf(text: string): Buffer | undefined {
  if (typeof text !== "string") return undefined;
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

function ipv4Bytes(text: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(4);
  let at = 0;
  for (let index = 0; index < 4; index += 1) {
    let end = at;
    while (end < text.length && text.charCodeAt(end) !== DOT) end += 1;
    const octet = decimal(text, at, end, 255);
    if (octet === undefined || index < 3 !== end < text.length) return undefined;
    bytes[index] = octet;
    at = end + 1;
  }
  return bytes;
}

function ipv6Bytes(text: string): Buffer | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? "", halves.length === 1);
  const tail = ipv6Groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const bytes = Buffer.alloc(16);
  head.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  tail.forEach((group, index) => bytes.writeUInt16BE(group, (8 - tail.length + index) * 2));
  return bytes;
}

/** Groups between colons; `last` allows a dotted IPv4 tail, which counts for two. */
function ipv6Groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes(".")) {
      const tail = ipv4Bytes(part);
      if (tail === undefined) return undefined;
      groups.push(tail.readUInt16BE(0), tail.readUInt16BE(2));
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** A decimal without sign, blanks or leading zeros (which some parsers read as octal), at most `limit`. */
function decimal(text: string, start: number, end: number, limit: number): number | undefined {
  if (end === start || end - start > 3 || (end - start > 1 && text.charCodeAt(start) === ZERO))
    return undefined;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return undefined;
    value = value * 10 + code - ZERO;
  }
  return value <= limit ? value : undefined;
}

function hasHostBits({ bytes, length }: IpPrefix): boolean {
  let index = length >> 3;
  const rest = length & 7;
  if (rest !== 0) {
    if (((bytes[index] ?? 0) & (0xff >> rest)) !== 0) return true;
    index += 1;
  }
  for (; index < bytes.length; index += 1) if (bytes[index] !== 0) return true;
  return false;
}
