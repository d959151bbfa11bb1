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
const COLON = 0x3a;
const SMALL_A = 0x61;
const SMALL_F = 0x66;

/** Parses `10.0.0.1` or `fd00::1`. Zones (`%eth0`) and prefix lengths are refused. */
export function parseIp(op: string, text: string): IpAddress {
  const bytes = typeof text === "string" ? bytesOf(text, text.length) : undefined;
  if (bytes === undefined) throw invalid(op, text, "an IPv4 or IPv6 address");
  return { family: bytes.length === 4 ? 4 : 6, bytes };
}

/** Parses `10.0.0.1/24`; without a length the prefix is the whole address. Host bits may be set. */
export function parsePrefix(op: string, text: string): IpPrefix {
  const expected = "an IPv4 or IPv6 address with an optional prefix length";
  if (typeof text !== "string") throw invalid(op, text, expected);
  const slash = text.indexOf("/");
  const bytes = bytesOf(text, slash === -1 ? text.length : slash);
  if (bytes === undefined) throw invalid(op, text, expected);
  const bits = bytes.length * 8;
  const length = slash === -1 ? bits : decimal(text, slash + 1, bits);
  if (length === undefined) throw invalid(op, text, expected);
  return { family: bytes.length === 4 ? 4 : 6, bytes, length };
}

/**
 * Like {@link parsePrefix}, for a network: a bit set after the prefix is refused, as the kernel would
 * (IPv4) or silently clear (IPv6).
 */
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

/**
 * The first longest run of two or more zero groups (RFC 5952 section 4.2); `start` is -1 when there is
 * none.
 */
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

/**
 * The address before `end`. Tens of thousands of routes pass here, so it looks at each character once and
 * makes no substrings.
 */
function bytesOf(text: string, end: number): Buffer | undefined {
  return ipv4Bytes(text, 0, end) ?? ipv6Bytes(text, end);
}

/** Four decimal octets, without leading zeros, which some parsers read as octal. */
function ipv4Bytes(text: string, start: number, end: number): Buffer | undefined {
  let address = 0;
  let octets = 0;
  let octet = 0;
  let digits = 0;
  for (let at = start; at <= end; at += 1) {
    const code = at === end ? DOT : text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || octets === 4) return undefined;
      address = address * 256 + octet;
      octets += 1;
      octet = 0;
      digits = 0;
    } else {
      if (code < ZERO || code > NINE || (digits > 0 && octet === 0)) return undefined;
      octet = octet * 10 + code - ZERO;
      digits += 1;
      if (octet > 255) return undefined;
    }
  }
  if (octets !== 4) return undefined;
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(address);
  return bytes;
}

/** RFC 4291 section 2.2: eight groups, one run of which may be "::", the last two of which may be dotted. */
function ipv6Bytes(text: string, end: number): Buffer | undefined {
  const bytes = Buffer.alloc(16);
  let groups = 0;
  /** The number of groups before "::". */
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < end) {
    const start = at;
    let value = 0;
    for (let digit = hexDigit(text, at); at < end && digit >= 0; digit = hexDigit(text, at)) {
      value = value * 16 + digit;
      at += 1;
    }
    if (at < end && text.charCodeAt(at) === DOT) {
      const tail = groups > 6 ? undefined : ipv4Bytes(text, start, end);
      if (tail === undefined) return undefined;
      bytes.set(tail, groups * 2);
      groups += 2;
      break;
    }
    if (at === start || at - start > 4 || groups === 8) return undefined;
    bytes.writeUInt16BE(value, groups * 2);
    groups += 1;
    if (at === end) break;
    // A colon must lead on: to another group or, once, to a second colon.
    if (text.charCodeAt(at) !== COLON || at + 1 === end) return undefined;
    at += 1;
    if (text.charCodeAt(at) !== COLON) continue;
    if (gap >= 0) return undefined;
    gap = groups;
    at += 1;
  }
  if (gap < 0) return groups === 8 ? bytes : undefined;
  if (groups === 8) return undefined;
  bytes.copyWithin(16 - (groups - gap) * 2, gap * 2, groups * 2);
  return bytes.fill(0, gap * 2, 16 - (groups - gap) * 2);
}

function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= ZERO && code <= NINE) return code - ZERO;
  // Sets the bit that tells small letters from capitals.
  const letter = code | 0x20;
  return letter >= SMALL_A && letter <= SMALL_F ? letter - SMALL_A + 10 : -1;
}

/** The rest of the text as a decimal without sign, blanks or leading zeros, at most `limit`. */
function decimal(text: string, start: number, limit: number): number | undefined {
  if (text.length === start || (text.length - start > 1 && text.charCodeAt(start) === ZERO)) return undefined;
  let value = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return undefined;
    value = value * 10 + code - ZERO;
    if (value > limit) return undefined;
  }
  return value;
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
