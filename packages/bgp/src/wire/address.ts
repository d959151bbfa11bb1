import { uint16 } from "./bytes.ts";

const ZERO = 0x30;
/** As a digit would be counted. */
const DOT = 0x2e - ZERO;

/** The canonical text (RFC 5952 for IPv6) of the address of 4 or 16 bytes at `at`. */
export function formatAddress(bytes: Uint8Array, at: number, size: 4 | 16): string {
  return size === 4 ? formatIpv4(bytes, at) : formatIpv6(bytes, at);
}

function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function formatIpv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => uint16(bytes, at + 2 * index));
  const zeros = longestZeroRun(groups);
  // RFC 5952 section 5: IPv4-mapped addresses keep their dotted tail.
  if (zeros.start === 0 && zeros.length === 5 && groups[5] === 0xffff)
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  const words = groups.map((group) => group.toString(16));
  if (zeros.start === -1) return words.join(":");
  return `${words.slice(0, zeros.start).join(":")}::${words.slice(zeros.start + zeros.length).join(":")}`;
}

/** The first longest run of two or more zero groups (RFC 5952 section 4.2); `start` is -1 where there is none. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

/** @returns 4 or 16 bytes; `undefined` for what is no address. Zones (`%eth0`) are none. */
export function parseAddress(text: string): Uint8Array | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return bytes === undefined ? undefined : Uint8Array.from(bytes);
}

/** @throws RangeError: not an address of IPv4. */
export function ipv4Bytes(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes?.length !== 4) throw new RangeError(`${text} is no IPv4 address`);
  return bytes;
}

/** Four decimal octets, without leading zeros, which some parsers read as octal. */
function parseIpv4(text: string): number[] | undefined {
  const octets: number[] = [];
  let octet = 0;
  let digits = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const digit = at === text.length ? DOT : text.charCodeAt(at) - ZERO;
    if (digit === DOT) {
      if (digits === 0 || octets.length === 4) return undefined;
      octets.push(octet);
      octet = 0;
      digits = 0;
    } else {
      if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return undefined;
      octet = octet * 10 + digit;
      digits += 1;
      if (octet > 255) return undefined;
    }
  }
  return octets.length === 4 ? octets : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupBytes(halves[0] ?? "", halves.length === 1);
  if (halves.length === 1) return head?.length === 16 ? head : undefined;
  const tail = groupBytes(halves[1] ?? "", true);
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array.from({ length: 16 - head.length - tail.length }, () => 0), ...tail];
}

function groupBytes(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const dotted = atEnd && index === groups.length - 1 && group.includes(".");
    const part = dotted ? parseIpv4(group) : hexBytes(group);
    if (part === undefined) return undefined;
    bytes.push(...part);
  }
  return bytes;
}

function hexBytes(group: string): number[] | undefined {
  if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
  const value = Number.parseInt(group, 16);
  return [value >>> 8, value & 0xff];
}
