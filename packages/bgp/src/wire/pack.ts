import type { EncodedAttributes } from "./attributes/encode.ts";
import type { WireContext } from "./context.ts";
import { AFI, type Family, SAFI_UNICAST } from "./family.ts";
import { HEADER, writeHeader } from "./header.ts";

/** Prefixes by number, which know how they are written: what is packed, without an object for each. */
export interface PrefixSource {
  /**
   * Writes prefix `index` (with its path identifier before it where add-path is on) at `at`; returns the offset behind
   * it, never more than {@link MAX_PREFIX} further.
   */
  write(index: number, buffer: Uint8Array, at: number): number;
}

/** Bytes of the longest prefix: path identifier, length, IPv6 address. */
export const MAX_PREFIX = 21;

export interface Packed {
  /** A whole UPDATE, the caller's own. */
  readonly message: Uint8Array;
  /** Prefixes in it, counted from `from`. */
  readonly taken: number;
}

const MAX_MESSAGE = 65535;
const ATTRIBUTE_MP_REACH = 14;
const ATTRIBUTE_MP_UNREACH = 15;
const OPTIONAL_EXTENDED = 0x90;
/** Flags, type and two bytes of length. */
const ATTRIBUTE_HEADER = 4;
/** Of MP_REACH_NLRI: AFI, SAFI, the length of the next hop, a reserved byte (RFC 4760 section 3). */
const MP_FIXED = 5;

// A message is built here and copied out once its length is known; a prefix may run over the end before it is refused.
const scratch = new Uint8Array(MAX_MESSAGE + MAX_PREFIX);

/** Bytes that a message has for prefixes beside such attributes; 0 or less: none. */
export function roomFor(context: WireContext, { bytes, mpNextHop }: EncodedAttributes): number {
  const fixed = mpNextHop === undefined ? 0 : ATTRIBUTE_HEADER + MP_FIXED + mpNextHop.length;
  return context.maxMessage - HEADER - 4 - bytes.length - fixed;
}

/**
 * One UPDATE that makes prefixes `from` to (not including) `to` reachable, as many as fit `context.maxMessage`.
 *
 * @returns `undefined` where the attributes leave no room for even one: such routes are to be withdrawn (RFC 8654
 * section 4 says so for peers without extended messages).
 */
export function packReach(
  context: WireContext,
  family: Family,
  attributes: EncodedAttributes,
  source: PrefixSource,
  from: number,
  to: number,
): Packed | undefined {
  const { bytes, mpNextHop } = attributes;
  if (roomFor(context, attributes) <= 0) return undefined;
  if (mpNextHop !== undefined) return packMpReach(context, family, bytes, mpNextHop, source, from, to);
  const start = HEADER + 4 + bytes.length;
  scratch.set(bytes, HEADER + 4);
  const filled = fill(source, from, to, start, context.maxMessage);
  if (filled === 0) return undefined;
  writeUint16(HEADER, 0);
  writeUint16(HEADER + 2, bytes.length);
  return finish(filledTo, filled);
}

/** One UPDATE that withdraws prefixes `from` to (not including) `to`, as many as fit `context.maxMessage`. */
export function packWithdraw(
  context: WireContext,
  family: Family,
  source: PrefixSource,
  from: number,
  to: number,
): Packed {
  if (family === "ipv4-unicast") {
    const taken = fill(source, from, to, HEADER + 2, context.maxMessage - 2);
    writeUint16(HEADER, filledTo - HEADER - 2);
    writeUint16(filledTo, 0);
    return finish(filledTo + 2, taken);
  }
  const value = HEADER + 4 + ATTRIBUTE_HEADER;
  const taken = fill(source, from, to, value + 3, context.maxMessage);
  writeUint16(HEADER, 0);
  writeUint16(HEADER + 2, filledTo - HEADER - 4);
  writeMpHeader(ATTRIBUTE_MP_UNREACH, family, filledTo - value);
  return finish(filledTo, taken);
}

/** All prefixes of a family have been sent: RFC 4724 section 2. */
export function encodeEndOfRib(family: Family): Uint8Array {
  if (family === "ipv4-unicast") {
    writeUint16(HEADER, 0);
    writeUint16(HEADER + 2, 0);
    return finish(HEADER + 4, 0).message;
  }
  writeUint16(HEADER, 0);
  writeUint16(HEADER + 2, 6);
  // Short form: what other speakers send, and expect to the byte.
  scratch.set([0x80, ATTRIBUTE_MP_UNREACH, 3, 0, AFI[family], SAFI_UNICAST], HEADER + 4);
  return finish(HEADER + 10, 0).message;
}

/** MP_REACH_NLRI goes first (RFC 7606 section 5.1), so the other attributes follow once its length is known. */
function packMpReach(
  context: WireContext,
  family: Family,
  attributes: Uint8Array,
  nextHop: Uint8Array,
  source: PrefixSource,
  from: number,
  to: number,
): Packed | undefined {
  const value = HEADER + 4 + ATTRIBUTE_HEADER;
  const start = value + MP_FIXED + nextHop.length;
  const limit = context.maxMessage - attributes.length;
  const taken = fill(source, from, to, start, limit);
  if (taken === 0) return undefined;
  writeMpHeader(ATTRIBUTE_MP_REACH, family, filledTo - value);
  scratch[value + 3] = nextHop.length;
  scratch.set(nextHop, value + 4);
  scratch[start - 1] = 0;
  scratch.set(attributes, filledTo);
  const end = filledTo + attributes.length;
  writeUint16(HEADER, 0);
  writeUint16(HEADER + 2, end - HEADER - 4);
  return finish(end, taken);
}

let filledTo = 0;

/** Writes prefixes until the next would go past `limit`. Sets {@link filledTo}; returns how many there are. */
function fill(source: PrefixSource, from: number, to: number, start: number, limit: number): number {
  let at = start;
  let index = from;
  for (; index < to; index += 1) {
    const next = source.write(index, scratch, at);
    if (next > limit) break;
    at = next;
  }
  filledTo = at;
  return index - from;
}

function writeMpHeader(type: number, family: Family, length: number): void {
  const at = HEADER + 4;
  scratch[at] = OPTIONAL_EXTENDED;
  scratch[at + 1] = type;
  writeUint16(at + 2, length);
  writeUint16(at + 4, AFI[family]);
  scratch[at + 6] = SAFI_UNICAST;
}

function writeUint16(at: number, value: number): void {
  scratch[at] = value >>> 8;
  scratch[at + 1] = value & 0xff;
}

function finish(end: number, taken: number): Packed {
  writeHeader(scratch, end, "update");
  return { message: scratch.slice(0, end), taken };
}
