import { ipv4Bytes, parseAddress } from "../address.ts";
import { ORIGINS, type PathAttributes, type UnknownAttribute } from "../attributes.ts";
import type { WireContext } from "../context.ts";
import type { Family } from "../family.ts";
import { AS_TRANS } from "../open.ts";
import { as4PathOf, writeAsPath } from "./as-path.ts";
import { ATTRIBUTE } from "./types.ts";
import { AttributeWriter } from "./writer.ts";

/** Attributes as they go into UPDATEs of one session, for prefixes of one family. */
export interface EncodedAttributes {
  /** All but MP_REACH_NLRI, in the order of types; NEXT_HOP is among them where there is no `mpNextHop`. */
  readonly bytes: Uint8Array;
  /** The next hop of MP_REACH_NLRI, 16 or 32 bytes; `undefined`: prefixes follow the attributes (IPv4, classic). */
  readonly mpNextHop: Uint8Array | undefined;
}

const writer = new AttributeWriter();

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
  const unknown = attributes.unknown?.toSorted((left, right) => left.type - right.type) ?? [];
  writer.reset();
  let next = 0;
  for (const write of WRITERS) {
    for (; next < unknown.length && (unknown[next]?.type ?? 0) < write.type; next += 1)
      writeUnknown(unknown[next] as UnknownAttribute);
    if (write.type !== ATTRIBUTE.nextHop || classicNextHop) write.write(attributes, context);
  }
  for (; next < unknown.length; next += 1) writeUnknown(unknown[next] as UnknownAttribute);
  return {
    bytes: writer.finish(),
    mpNextHop: classicNextHop ? undefined : mpNextHop(attributes, context, family),
  };
}

interface Writer {
  readonly type: number;
  readonly write: (attributes: PathAttributes, context: WireContext) => void;
}

/** In the order of types: RFC 4271 section 5 asks for it. */
const WRITERS: readonly Writer[] = [
  writerOf(
    ATTRIBUTE.origin,
    ({ origin }) => ORIGINS.indexOf(origin),
    (value) => writer.uint8(value),
  ),
  {
    type: ATTRIBUTE.asPath,
    write({ asPath }, { fourOctetAs }) {
      writer.begin(ATTRIBUTE.asPath);
      writeAsPath(writer, asPath, fourOctetAs ? 4 : 2);
      writer.end();
    },
  },
  writerOf(ATTRIBUTE.nextHop, ({ nextHop }) => nextHop, writeIpv4),
  writerOf(
    ATTRIBUTE.multiExitDisc,
    ({ med }) => med,
    (value) => writer.uint32(value),
  ),
  writerOf(
    ATTRIBUTE.localPref,
    ({ localPref }, { internal }) => (internal ? localPref : undefined),
    (value) => writer.uint32(value),
  ),
  writerOf(
    ATTRIBUTE.atomicAggregate,
    ({ atomicAggregate }) => atomicAggregate === true || undefined,
    () => {},
  ),
  {
    type: ATTRIBUTE.aggregator,
    write({ aggregator }, { fourOctetAs }) {
      if (aggregator === undefined) return;
      writer.begin(ATTRIBUTE.aggregator);
      if (fourOctetAs) writer.uint32(aggregator.asn);
      else writer.uint16(aggregator.asn > 0xffff ? AS_TRANS : aggregator.asn);
      writeIpv4(aggregator.address);
      writer.end();
    },
  },
  listWriterOf(
    ATTRIBUTE.communities,
    ({ communities }) => communities,
    (value) => writer.uint32(value),
  ),
  writerOf(
    ATTRIBUTE.originatorId,
    ({ originatorId }, { internal }) => (internal ? originatorId : undefined),
    writeIpv4,
  ),
  listWriterOf(
    ATTRIBUTE.clusterList,
    ({ clusterList }, { internal }) => (internal ? clusterList : undefined),
    writeIpv4,
  ),
  listWriterOf(
    ATTRIBUTE.extendedCommunities,
    ({ extendedCommunities }) => extendedCommunities,
    (value) => writer.uint64(value),
  ),
  {
    type: ATTRIBUTE.as4Path,
    write({ asPath }, { fourOctetAs }) {
      const path = fourOctetAs ? undefined : as4PathOf(asPath);
      if (path === undefined) return;
      writer.begin(ATTRIBUTE.as4Path);
      writeAsPath(writer, path, 4);
      writer.end();
    },
  },
  {
    type: ATTRIBUTE.as4Aggregator,
    write({ aggregator }, { fourOctetAs }) {
      if (fourOctetAs || aggregator === undefined || aggregator.asn <= 0xffff) return;
      writer.begin(ATTRIBUTE.as4Aggregator);
      writer.uint32(aggregator.asn);
      writeIpv4(aggregator.address);
      writer.end();
    },
  },
  listWriterOf(
    ATTRIBUTE.largeCommunities,
    ({ largeCommunities }) => largeCommunities,
    (parts) => {
      for (const part of parts) writer.uint32(part);
    },
  ),
  writerOf(
    ATTRIBUTE.onlyToCustomer,
    ({ onlyToCustomer }) => onlyToCustomer,
    (value) => writer.uint32(value),
  ),
];

function writerOf<Value>(
  type: number,
  read: (attributes: PathAttributes, context: WireContext) => Value | undefined,
  write: (value: Value) => void,
): Writer {
  return {
    type,
    write(attributes, context) {
      const value = read(attributes, context);
      if (value === undefined) return;
      writer.begin(type);
      write(value);
      writer.end();
    },
  };
}

/** An empty list is not sent: it would be malformed (RFC 7606 sections 7.8, 7.10, 7.14). */
function listWriterOf<Value>(
  type: number,
  read: (attributes: PathAttributes, context: WireContext) => readonly Value[] | undefined,
  write: (value: Value) => void,
): Writer {
  return {
    type,
    write(attributes, context) {
      const values = read(attributes, context);
      if (values === undefined || values.length === 0) return;
      writer.begin(type);
      for (const value of values) write(value);
      writer.end();
    },
  };
}

function writeUnknown({ type, flags, value }: UnknownAttribute): void {
  writer.begin(type, flags);
  writer.bytes(value);
  writer.end();
}

function writeIpv4(text: string): void {
  writer.bytes(ipv4Bytes(text));
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
