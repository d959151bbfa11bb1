import { ATTRIBUTE, EXTENDED_LENGTH } from "./attributes/types.ts";
import { valueLength } from "./attributes/check.ts";
import { uint16, uint32 } from "./bytes.ts";
import type { WireContext } from "./context.ts";
import { type Family, familyOf } from "./family.ts";
import { checkNlri, type NlriRun } from "./nlri.ts";
import { NOTIFICATION, refusal } from "./refusal.ts";

const MALFORMED_LIST = 1;
const OPTIONAL_ERROR = 9;

/** Where MP_REACH_NLRI and MP_UNREACH_NLRI are in an UPDATE; 0: nowhere. */
export interface MpOffsets {
  reach: number;
  reachEnd: number;
  unreach: number;
  unreachEnd: number;
}

/**
 * Finds both, whatever else may be wrong.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE`: 3/1, one is there twice (RFC 7606 section 3 g); 3/9, one is cut short, so
 * that its prefixes cannot be known (section 5.3).
 */
export function findMpAttributes(bytes: Uint8Array, start: number, end: number, found: MpOffsets): void {
  found.reach = 0;
  found.unreach = 0;
  for (let at = start; at < end;) {
    const flags = bytes[at] as number;
    const type = bytes[at + 1] as number;
    const value = at + ((flags & EXTENDED_LENGTH) === 0 ? 3 : 4);
    const next = value > end ? value : value + valueLength(bytes, at, flags);
    const multiprotocol = type === ATTRIBUTE.mpReach || type === ATTRIBUTE.mpUnreach;
    if (next > end) {
      if (multiprotocol && at + 1 < end) throw malformed(type, "it is cut short", bytes.subarray(at, end));
      return;
    }
    if (multiprotocol) {
      if ((type === ATTRIBUTE.mpReach ? found.reach : found.unreach) !== 0)
        throw refusal(NOTIFICATION.update, MALFORMED_LIST, `attribute ${type} came twice`);
      if (type === ATTRIBUTE.mpReach) {
        found.reach = at;
        found.reachEnd = next;
      } else {
        found.unreach = at;
        found.unreachEnd = next;
      }
    }
    at = next;
  }
}

/** What MP_REACH_NLRI says: RFC 4760 section 3. */
export interface MpReach {
  /** `undefined`: of a family that was not agreed on, whose prefixes cannot be read. */
  readonly run: NlriRun | undefined;
  /** There are bytes of prefixes, readable or not. */
  readonly reachable: boolean;
  /** Offsets of the next hop. */
  readonly nextHop: number;
  readonly nextHopEnd: number;
  /** It is an address that packets can be sent to. */
  readonly usable: boolean;
}

/** @throws {@link BgpError} `ERR_BGP_MESSAGE`: 3/9 with the attribute (RFC 4760 section 7, RFC 7606 section 7.11). */
export function readMpReach(bytes: Uint8Array, at: number, end: number, context: WireContext): MpReach {
  const value = valueOf(bytes, at);
  const whole = bytes.subarray(at, end);
  if (end - value < 5) throw malformed(ATTRIBUTE.mpReach, "it is too short", whole);
  const nextHop = value + 4;
  const nextHopEnd = nextHop + (bytes[value + 3] as number);
  // Behind the next hop is one reserved byte.
  const nlri = nextHopEnd + 1;
  if (nlri > end) throw malformed(ATTRIBUTE.mpReach, "its next hop is cut short", whole);
  const family = agreed(bytes, value, context);
  if (family === undefined)
    return { run: undefined, reachable: nlri < end, nextHop, nextHopEnd, usable: true };
  const size = nextHopEnd - nextHop;
  if (!isNextHopSize(size, family, context))
    throw malformed(ATTRIBUTE.mpReach, `its next hop has ${size} bytes`, whole);
  const run = checkNlri(family, bytes, nlri, end, context.addPathReceive.includes(family));
  if (run === undefined) throw malformed(ATTRIBUTE.mpReach, "its prefixes are malformed", whole);
  return { run, reachable: run.count > 0, nextHop, nextHopEnd, usable: isUsable(bytes, nextHop, size) };
}

/** @throws {@link BgpError} `ERR_BGP_MESSAGE`: 3/9 with the attribute. */
export function readMpUnreach(
  bytes: Uint8Array,
  at: number,
  end: number,
  context: WireContext,
): { readonly family: Family | undefined; readonly run: NlriRun | undefined } {
  const value = valueOf(bytes, at);
  const whole = bytes.subarray(at, end);
  if (end - value < 3) throw malformed(ATTRIBUTE.mpUnreach, "it is too short", whole);
  const family = agreed(bytes, value, context);
  if (family === undefined) return { family, run: undefined };
  const run = checkNlri(family, bytes, value + 3, end, context.addPathReceive.includes(family));
  if (run === undefined) throw malformed(ATTRIBUTE.mpUnreach, "its prefixes are malformed", whole);
  return { family, run };
}

function valueOf(bytes: Uint8Array, at: number): number {
  return at + (((bytes[at] as number) & EXTENDED_LENGTH) === 0 ? 3 : 4);
}

function agreed(bytes: Uint8Array, value: number, context: WireContext): Family | undefined {
  const family = familyOf(uint16(bytes, value), bytes[value + 2] as number);
  return family !== undefined && context.families.includes(family) ? family : undefined;
}

/** IPv6 with or without a link-local one (RFC 2545); for IPv4 prefixes only where RFC 8950 was agreed on. */
function isNextHopSize(size: number, family: Family, context: WireContext): boolean {
  if (family === "ipv4-unicast" && size === 4) return true;
  return (size === 16 || size === 32) && (family === "ipv6-unicast" || context.extendedNextHop);
}

/** Neither unspecified nor multicast. Some leave the first of two addresses out by making it zero. */
function isUsable(bytes: Uint8Array, at: number, size: number): boolean {
  if (size === 4) return uint32(bytes, at) !== 0 && (bytes[at] as number) < 224;
  for (let index = at; index < at + size; index += 1) if (bytes[index] !== 0) return bytes[at] !== 0xff;
  return false;
}

function malformed(type: number, reason: string, attribute: Uint8Array): Error {
  return refusal(NOTIFICATION.update, OPTIONAL_ERROR, `attribute ${type}: ${reason}`, attribute);
}
