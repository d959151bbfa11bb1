import { parseAddress } from "./address.ts";
import type { Family } from "./family.ts";

/** A prefix as it is on the wire: length, then the bytes that it covers (RFC 4271 section 4.3). */
export interface EncodedPrefix {
  readonly family: Family;
  readonly bytes: Uint8Array;
}

/** Reads `10.0.0.0/8`; an address alone stands for itself. @returns `undefined`: no prefix, or bits set behind it */
export function parsePrefix(text: string): EncodedPrefix | undefined {
  const bytes = parseIpv4Prefix(text);
  return bytes === undefined ? parseAnyPrefix(text) : { family: "ipv4-unicast", bytes };
}

function parseAnyPrefix(text: string): EncodedPrefix | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.length * 8;
  const digits = slash < 0 ? String(width) : text.slice(slash + 1);
  const length = /^(?:0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= width)) return undefined;
  const bytes = new Uint8Array(1 + ((length + 7) >>> 3));
  bytes[0] = length;
  bytes.set(address.subarray(0, bytes.length - 1), 1);
  const spare = length & 7;
  if (spare !== 0 && (address[bytes.length - 2]! & (0xff >>> spare)) !== 0) return undefined;
  for (let at = bytes.length - 1; at < address.length; at += 1) if (address[at] !== 0) return undefined;
  return { family: width === 32 ? "ipv4-unicast" : "ipv6-unicast", bytes };
}

const ZERO = 48;

/** The usual case in one go, as sets have hundreds of thousands of them. What is written otherwise is left to others. */
function parseIpv4Prefix(text: string): Uint8Array | undefined {
  let [address, number, digits, dots] = [0, 0, 0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= ZERO + 9) {
      if (digits > 0 && number === 0) return undefined;
      number = number * 10 + code - ZERO;
      digits += 1;
      if (number > 255) return undefined;
      continue;
    }
    const expected = dots < 3 ? "." : "/";
    if (digits === 0 || dots === 4 || text[at] !== expected) return undefined;
    address = (address << 8) | number;
    dots += 1;
    number = 0;
    digits = 0;
  }
  if (dots !== 4 || digits === 0 || number > 32) return undefined;
  if (number < 32 && address << number !== 0) return undefined;
  const bytes = new Uint8Array(1 + ((number + 7) >>> 3));
  bytes[0] = number;
  for (let at = 1; at < bytes.length; at += 1) bytes[at] = address >>> (32 - at * 8);
  return bytes;
}
