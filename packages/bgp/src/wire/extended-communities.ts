import { formatAddress, parseAddress } from "./address.ts";
import { bytesOf, uint16, uint32 } from "./bytes.ts";
import { parseNumber } from "./communities.ts";

/** Types of RFC 4360 and RFC 5668, by what the administrator is. */
const TWO_OCTET_AS = 0;
const IPV4_ADDRESS = 1;
const FOUR_OCTET_AS = 2;

const SUBTYPES: Readonly<Record<string, number>> = { rt: 2, soo: 3 };

/**
 * Route targets and origins: `rt:65000:1`, `soo:10.0.0.1:1`, `rt:4200000000:1`; `rt:65000L:1` for a small AS number in
 * four bytes; anything as `0x` and 16 hexadecimal digits.
 *
 * @returns `undefined`: none of these
 */
export function parseExtendedCommunity(text: string): bigint | undefined {
  if (/^0x[0-9a-f]{16}$/i.test(text)) return BigInt(text);
  const [kind = "", administrator = "", assigned = "", ...more] = text.split(":");
  const subtype = Object.hasOwn(SUBTYPES, kind) ? SUBTYPES[kind] : undefined;
  if (subtype === undefined || more.length > 0) return undefined;
  const address = parseAddress(administrator);
  if (address !== undefined) return assemble(IPV4_ADDRESS, subtype, [...address], assigned);
  const long = administrator.endsWith("L");
  const asn = parseNumber(long ? administrator.slice(0, -1) : administrator, 0xffff_ffff);
  if (asn === undefined) return undefined;
  return long || asn > 0xffff
    ? assemble(FOUR_OCTET_AS, subtype, bytesOf(asn, 4), assigned)
    : assemble(TWO_OCTET_AS, subtype, bytesOf(asn, 2), assigned);
}

/** As {@link parseExtendedCommunity} reads it. */
export function formatExtendedCommunity(community: bigint): string {
  const bytes = Uint8Array.from({ length: 8 }, (_, index) =>
    Number((community >> BigInt(56 - 8 * index)) & 0xffn),
  );
  const kind = Object.keys(SUBTYPES).find((name) => SUBTYPES[name] === bytes[1]);
  if (kind !== undefined) {
    if (bytes[0] === TWO_OCTET_AS) return `${kind}:${uint16(bytes, 2)}:${uint32(bytes, 4)}`;
    if (bytes[0] === IPV4_ADDRESS) return `${kind}:${formatAddress(bytes, 2, 4)}:${uint16(bytes, 6)}`;
    if (bytes[0] === FOUR_OCTET_AS) {
      const asn = uint32(bytes, 2);
      return `${kind}:${asn}${asn > 0xffff ? "" : "L"}:${uint16(bytes, 6)}`;
    }
  }
  return `0x${community.toString(16).padStart(16, "0")}`;
}

function assemble(
  type: number,
  subtype: number,
  administrator: readonly number[],
  assigned: string,
): bigint | undefined {
  const width = administrator.length === 2 ? 4 : 2;
  const value = parseNumber(assigned, width === 4 ? 0xffff_ffff : 0xffff);
  if (value === undefined) return undefined;
  let community = 0n;
  for (const byte of [type, subtype, ...administrator, ...bytesOf(value, width)])
    community = (community << 8n) | BigInt(byte);
  return community;
}
