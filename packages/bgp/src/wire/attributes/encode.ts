import { ipv4Bytes, parseAddress } from "../address.ts";
import type { Origin, PathAttributes } from "../attributes.ts";
import { bytesOf } from "../bytes.ts";
import type { WireContext } from "../context.ts";
import type { Family } from "../family.ts";
import { AS_TRANS } from "../open.ts";
import { as4PathOf, encodeAsPath } from "./as-path.ts";
import { ATTRIBUTE, EXPECTED_FLAGS, EXTENDED_LENGTH } from "./types.ts";

/** Attributes as they go into UPDATEs of one session, for prefixes of one family. */
export interface EncodedAttributes {
  /** All but MP_REACH_NLRI, in the order of types; NEXT_HOP is among them where there is no `mpNextHop`. */
  readonly bytes: Uint8Array;
  /** The next hop of MP_REACH_NLRI, 16 or 32 bytes; `undefined`: prefixes follow the attributes (IPv4, classic). */
  readonly mpNextHop: Uint8Array | undefined;
}

const ORIGINS: Readonly<Record<Origin, number>> = { igp: 0, egp: 1, incomplete: 2 };

/**
 * Writes attributes for a session. What is not for it is left out: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST for
 * external peers. Towards a peer with two-byte AS numbers, large ones become AS_TRANS, and AS4_PATH and AS4_AGGREGATOR
 * have the true ones (RFC 6793 section 4.2.2).
 *
 * @throws RangeError: a value does not fit, or the session cannot carry such a next hop.
 */
export function encodeAttributes(
  attributes: PathAttributes,
  context: WireContext,
  family: Family,
): EncodedAttributes {
  const classicNextHop = family === "ipv4-unicast" && !attributes.nextHop.includes(":");
  const list: [type: number, value: ArrayLike<number>, flags?: number][] = [
    [ATTRIBUTE.origin, [ORIGINS[attributes.origin]]],
    [ATTRIBUTE.asPath, encodeAsPath(attributes.asPath, context.fourOctetAs ? 4 : 2)],
  ];
  if (classicNextHop) list.push([ATTRIBUTE.nextHop, ipv4Bytes(attributes.nextHop)]);
  if (attributes.med !== undefined) list.push([ATTRIBUTE.multiExitDisc, bytesOf(attributes.med, 4)]);
  if (attributes.atomicAggregate === true) list.push([ATTRIBUTE.atomicAggregate, []]);
  if (attributes.communities !== undefined && attributes.communities.length > 0)
    list.push([ATTRIBUTE.communities, attributes.communities.flatMap((each) => bytesOf(each, 4))]);
  if (attributes.extendedCommunities !== undefined && attributes.extendedCommunities.length > 0)
    list.push([
      ATTRIBUTE.extendedCommunities,
      attributes.extendedCommunities.flatMap((each) => bytesOf64(each)),
    ]);
  if (attributes.largeCommunities !== undefined && attributes.largeCommunities.length > 0)
    list.push([
      ATTRIBUTE.largeCommunities,
      attributes.largeCommunities.flatMap((parts) => parts.flatMap((part) => bytesOf(part, 4))),
    ]);
  if (attributes.onlyToCustomer !== undefined)
    list.push([ATTRIBUTE.onlyToCustomer, bytesOf(attributes.onlyToCustomer, 4)]);
  for (const { type, value, flags } of attributes.unknown ?? []) list.push([type, value, flags]);
  if (context.internal) list.push(...internalOnly(attributes));
  list.push(...withAsNumbers(attributes, context));
  list.sort(([left], [right]) => left - right);
  return {
    bytes: Uint8Array.from(list.flatMap(([type, value, flags]) => encodeAttribute(type, value, flags))),
    mpNextHop: classicNextHop ? undefined : mpNextHop(attributes, context, family),
  };
}

function internalOnly(attributes: PathAttributes): [type: number, value: ArrayLike<number>][] {
  const list: [type: number, value: ArrayLike<number>][] = [];
  if (attributes.localPref !== undefined) list.push([ATTRIBUTE.localPref, bytesOf(attributes.localPref, 4)]);
  if (attributes.originatorId !== undefined)
    list.push([ATTRIBUTE.originatorId, ipv4Bytes(attributes.originatorId)]);
  if (attributes.clusterList !== undefined && attributes.clusterList.length > 0)
    list.push([ATTRIBUTE.clusterList, attributes.clusterList.flatMap((each) => [...ipv4Bytes(each)])]);
  return list;
}

/** AGGREGATOR, and what goes beside it and AS_PATH to a peer with two-byte AS numbers. */
function withAsNumbers(
  attributes: PathAttributes,
  context: WireContext,
): [type: number, value: ArrayLike<number>][] {
  const list: [type: number, value: ArrayLike<number>][] = [];
  const { aggregator } = attributes;
  const large = !context.fourOctetAs && aggregator !== undefined && aggregator.asn > 0xffff;
  if (aggregator !== undefined) {
    const asn = bytesOf(large ? AS_TRANS : aggregator.asn, context.fourOctetAs ? 4 : 2);
    list.push([ATTRIBUTE.aggregator, [...asn, ...ipv4Bytes(aggregator.address)]]);
    if (large)
      list.push([ATTRIBUTE.as4Aggregator, [...bytesOf(aggregator.asn, 4), ...ipv4Bytes(aggregator.address)]]);
  }
  const as4Path = context.fourOctetAs ? undefined : as4PathOf(attributes.asPath);
  if (as4Path !== undefined) list.push([ATTRIBUTE.as4Path, encodeAsPath(as4Path, 4)]);
  return list;
}

function mpNextHop(attributes: PathAttributes, context: WireContext, family: Family): Uint8Array {
  const { nextHop, linkLocalNextHop } = attributes;
  const bytes = parseAddress(nextHop);
  if (bytes?.length !== 16) throw new RangeError(`${nextHop} is no next hop for ${family}`);
  if (family === "ipv4-unicast" && !context.extendedNextHop)
    throw new RangeError(`the peer takes no IPv6 next hop for IPv4 prefixes (${nextHop})`);
  if (linkLocalNextHop === undefined) return bytes;
  const linkLocal = parseAddress(linkLocalNextHop);
  if (linkLocal?.length !== 16) throw new RangeError(`${linkLocalNextHop} is no IPv6 address`);
  return Uint8Array.of(...bytes, ...linkLocal);
}

function encodeAttribute(
  type: number,
  value: ArrayLike<number>,
  flags: number = EXPECTED_FLAGS[type] as number,
): number[] {
  const long = value.length > 255;
  const length = bytesOf(value.length, long ? 2 : 1);
  return [(flags & ~EXTENDED_LENGTH) | (long ? EXTENDED_LENGTH : 0), type, ...length, ...Array.from(value)];
}

function bytesOf64(value: bigint): number[] {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} does not fit 8 bytes`);
  return [...bytesOf(Number(value >> 32n), 4), ...bytesOf(Number(value & 0xffff_ffffn), 4)];
}
