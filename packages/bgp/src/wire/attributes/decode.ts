import { formatAddress } from "../address.ts";
import { type LargeCommunity, ORIGINS, type PathAttributes, type UnknownAttribute } from "../attributes.ts";
import { uint32, unsigned } from "../bytes.ts";
import type { WireContext } from "../context.ts";
import { AS_TRANS } from "../open.ts";
import { decodeAsPath, mergeAs4Path } from "./as-path.ts";
import { valueLength } from "./check.ts";
import { valueFault } from "./check-value.ts";
import { ATTRIBUTE, EXPECTED_FLAGS, EXTENDED_LENGTH, OPTIONAL, PARTIAL, TRANSITIVE } from "./types.ts";

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type Found = Mutable<PathAttributes> & {
  as4Path?: PathAttributes["asPath"];
  as4Aggregator?: PathAttributes["aggregator"];
};

/**
 * Attributes that have been checked, with none that asks for more than to be discarded, as values.
 *
 * @param mpNextHop - of MP_REACH_NLRI, in the place of NEXT_HOP: 4, 16 or 32 bytes
 */
export function decodeAttributes(
  bytes: Uint8Array,
  mpNextHop: Uint8Array | undefined,
  context: WireContext,
): PathAttributes {
  const found: Found = { origin: "incomplete", asPath: [], nextHop: "" };
  const unknown: UnknownAttribute[] = [];
  const seen = new Set<number>();
  for (let at = 0; at < bytes.length;) {
    const flags = bytes[at] as number;
    const type = bytes[at + 1] as number;
    const value = at + ((flags & EXTENDED_LENGTH) === 0 ? 3 : 4);
    const end = value + valueLength(bytes, at, flags);
    const discarded = seen.has(type) || valueFault(type, bytes, value, end, context) !== undefined;
    seen.add(type);
    at = end;
    if (discarded) continue;
    if (isOpaque(type)) {
      // What is not understood and not to be passed on goes no further: RFC 4271 section 9.
      if ((flags & TRANSITIVE) !== 0) unknown.push(passedOn(flags, type, bytes.slice(value, end)));
    } else {
      decodeValue(found, type, bytes, value, end, context);
    }
  }
  if (mpNextHop !== undefined) setNextHop(found, mpNextHop);
  if (unknown.length > 0) found.unknown = unknown;
  return mergeAs4(found);
}

function decodeValue(
  found: Found,
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): void {
  const width = context.fourOctetAs ? 4 : 2;
  switch (type) {
    case ATTRIBUTE.origin:
      found.origin = ORIGINS[bytes[start] as number] ?? "incomplete";
      break;
    case ATTRIBUTE.asPath:
      found.asPath = decodeAsPath(bytes, start, end, width);
      break;
    case ATTRIBUTE.nextHop:
      found.nextHop = formatAddress(bytes, start, 4);
      break;
    case ATTRIBUTE.multiExitDisc:
      found.med = uint32(bytes, start);
      break;
    case ATTRIBUTE.localPref:
      found.localPref = uint32(bytes, start);
      break;
    case ATTRIBUTE.atomicAggregate:
      found.atomicAggregate = true;
      break;
    case ATTRIBUTE.aggregator:
      found.aggregator = aggregator(bytes, start, width);
      break;
    case ATTRIBUTE.communities:
      found.communities = list(start, end, 4, (at) => uint32(bytes, at));
      break;
    case ATTRIBUTE.originatorId:
      found.originatorId = formatAddress(bytes, start, 4);
      break;
    case ATTRIBUTE.clusterList:
      found.clusterList = list(start, end, 4, (at) => formatAddress(bytes, at, 4));
      break;
    case ATTRIBUTE.extendedCommunities:
      found.extendedCommunities = list(
        start,
        end,
        8,
        (at) => (BigInt(uint32(bytes, at)) << 32n) | BigInt(uint32(bytes, at + 4)),
      );
      break;
    case ATTRIBUTE.as4Path:
      found.as4Path = decodeAsPath(bytes, start, end, 4);
      break;
    case ATTRIBUTE.as4Aggregator:
      found.as4Aggregator = aggregator(bytes, start, 4);
      break;
    case ATTRIBUTE.largeCommunities:
      found.largeCommunities = largeCommunities(bytes, start, end);
      break;
    case ATTRIBUTE.onlyToCustomer:
      found.onlyToCustomer = uint32(bytes, start);
      break;
  }
}

/** RFC 6793 section 4.2.3: an aggregator that knows large AS numbers has put the true ones beside it. */
function mergeAs4(found: Found): PathAttributes {
  const { as4Path, as4Aggregator, ...attributes } = found;
  const stale = attributes.aggregator !== undefined && attributes.aggregator.asn !== AS_TRANS;
  if (as4Aggregator !== undefined && stale) return attributes;
  if (as4Aggregator !== undefined && attributes.aggregator !== undefined)
    attributes.aggregator = as4Aggregator;
  if (as4Path !== undefined) attributes.asPath = mergeAs4Path(attributes.asPath, as4Path);
  return attributes;
}

/** The global address and, beside it, the link-local one (RFC 2545); on unnumbered links there is only the latter. */
function setNextHop(found: Found, bytes: Uint8Array): void {
  found.nextHop = formatAddress(bytes, 0, bytes.length === 4 ? 4 : 16);
  if (bytes.length !== 32) return;
  const second = formatAddress(bytes, 16, 16);
  const linkLocal = bytes[16] === 0xfe && ((bytes[17] as number) & 0xc0) === 0x80;
  if (found.nextHop === "::") found.nextHop = second;
  else if (linkLocal && second !== found.nextHop) found.linkLocalNextHop = second;
}

/** Not known, or known only well enough to be checked: kept as it is. */
function isOpaque(type: number): boolean {
  return EXPECTED_FLAGS[type] === 0 || type === ATTRIBUTE.ipv6ExtendedCommunities;
}

function passedOn(flags: number, type: number, value: Uint8Array): UnknownAttribute {
  const known = EXPECTED_FLAGS[type] !== 0;
  return { flags: (flags & (OPTIONAL | TRANSITIVE | PARTIAL)) | (known ? 0 : PARTIAL), type, value };
}

function aggregator(bytes: Uint8Array, at: number, width: 2 | 4): { asn: number; address: string } {
  return { asn: unsigned(bytes, at, width), address: formatAddress(bytes, at + width, 4) };
}

/** Without those that are there twice: RFC 8092 section 5. */
function largeCommunities(bytes: Uint8Array, start: number, end: number): LargeCommunity[] {
  const unique = new Map<string, LargeCommunity>();
  for (let at = start; at < end; at += 12) {
    const community = [uint32(bytes, at), uint32(bytes, at + 4), uint32(bytes, at + 8)] as const;
    unique.set(community.join(":"), community);
  }
  return [...unique.values()];
}

function list<Entry>(start: number, end: number, size: number, read: (at: number) => Entry): Entry[] {
  const entries: Entry[] = [];
  for (let at = start; at < end; at += size) entries.push(read(at));
  return entries;
}
