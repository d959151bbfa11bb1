import { Address6 } from "ip-address";

import { NetloomError, messageOf } from "../errors.ts";
import { Address, ipv4 } from "./address.ts";

const DOT = 46;
const COLON = 58;

/**
 * Reads an IPv4 address in dotted decimal or an IPv6 address in any form of RFC 4291 section 2.2, upper or
 * lower case. IPv6 text within `::ffff:0:0/96` (IPv4-mapped) names an IPv4 address, so `::ffff:10.0.0.1` and
 * `10.0.0.1` are one address and a rule about either is a rule about both.
 *
 * @throws {@link NetloomError} `ERR_ADDRESS_INVALID` for anything else, saying what it looks like instead. Leading
 *   zeros are refused because some systems read them as octal (RFC 6943 section 3.1.1), and zone ids because
 *   they mean something on one machine only.
 */
export function parseAddress(text: string): Address {
  const address =
    typeof text === "string" ? (parseDotted(text) ?? parseGroups(text) ?? parseMixed(text)) : undefined;
  if (address === undefined) throw refusal(text);
  return address;
}

/** `a.b.c.d`, digit by digit. */
function parseDotted(text: string): Address | undefined {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0 || dots === 3) return undefined;
      value = value * 256 + octet;
      octet = -1;
      dots++;
      continue;
    }
    const digit = code - 48;
    if (digit < 0 || digit > 9 || octet === 0) return undefined;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet >= 0 ? ipv4(value * 256 + octet) : undefined;
}

/** Hexadecimal groups with at most one `::`. */
function parseGroups(text: string): Address | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  let gap = -1; // how many groups stand before `::`
  let i = 0;
  if (text.startsWith("::")) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (; i < text.length; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      group = group * 16 + digit;
    }
    if (i === start || i - start > 4 || count === 8) return undefined;
    groups[count++] = group;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== COLON || i === text.length) return undefined;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return undefined;
      gap = count;
      i++;
    }
  }
  if (gap < 0 ? count !== 8 : count === 8) return undefined;
  if (gap >= 0) {
    const tail = 8 - (count - gap);
    groups.copyWithin(tail, gap, count).fill(0, gap, tail);
  }
  const word = (at: number): number => groups[at]! * 0x10000 + groups[at + 1]!;
  return new Address(word(0), word(2), word(4), word(6));
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** IPv6 with a dotted tail (`64:ff9b::192.0.2.1`): rare enough to leave to a library. */
function parseMixed(text: string): Address | undefined {
  if (!/^[0-9a-f:]+:[0-9.]+$/i.test(text) || !Address6.isValid(text)) return undefined;
  const value = new Address6(text).bigInt();
  const word = (index: bigint): number => Number((value >> (32n * index)) & 0xffffffffn);
  return new Address(word(3n), word(2n), word(1n), word(0n));
}

/** Says what is wrong the way a colleague would: by what the text was probably meant to be. */
function refusal(text: unknown): NetloomError {
  const [what, remedy] = diagnose(text);
  const shown = typeof text === "string" ? JSON.stringify(text) : String(text);
  return new NetloomError("ERR_ADDRESS_INVALID", `${shown} is not an IP address: ${what}`, {
    input: text,
    remedy,
  });
}

function diagnose(text: unknown): [what: string, remedy: string] {
  if (typeof text !== "string") return [`it is ${text === null ? "null" : typeof text}`, "pass a string"];
  if (text === "") return ["it is empty", "pass an address such as 10.0.0.1 or fd00::1"];
  if (text !== text.trim()) return ["it has white space around it", "trim it"];
  if (text.includes("/")) return ["it is a CIDR", "drop the prefix length, or use parseCidr"];
  if (text.includes("%"))
    return ["it has a zone id, which means something on one machine only", "drop the %zone"];
  if (text.startsWith("[")) return ["it is in brackets", "drop the brackets and any port"];
  if (/^\d+(\.\d+){3}:\d+$/.test(text)) return ["it has a port", "drop the port"];
  if (text.includes(":"))
    return [messageAboutGroups(text), "write it as in RFC 4291 section 2.2, e.g. fd00::1"];
  return diagnoseDotted(text);
}

function diagnoseDotted(text: string): [what: string, remedy: string] {
  const remedy = "write four decimal numbers from 0 to 255, e.g. 10.0.0.1";
  const octets = text.split(".");
  if (!/^[\d.]+$/.test(text)) return ["it is neither dotted decimal nor IPv6 groups", remedy];
  if (octets.length !== 4) return [`IPv4 has four numbers and this has ${octets.length}`, remedy];
  const padded = octets.find((octet) => /^0\d/.test(octet));
  if (padded !== undefined) {
    return [
      `${padded} has a leading zero, which some systems read as octal (RFC 6943)`,
      "drop the leading zeros",
    ];
  }
  const large = octets.find((octet) => Number(octet) > 255);
  return [large === undefined ? "a number is missing" : `${large} is above 255`, remedy];
}

function messageAboutGroups(text: string): string {
  try {
    void new Address6(text);
    return "its groups are malformed";
  } catch (error) {
    const message = messageOf(error).replace(/\.$/, "").toLowerCase();
    return message.replace("address failed regex: ", "malformed at ");
  }
}
