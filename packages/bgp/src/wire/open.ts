import { formatAddress, ipv4Bytes } from "./address.ts";
import { bytesOf, uint16, uint32 } from "./bytes.ts";
import { decodeCapabilities, encodeCapability } from "./capabilities.ts";
import type { Capability } from "./capability.ts";
import { frame, HEADER } from "./header.ts";
import { NOTIFICATION, refusal } from "./refusal.ts";

/** What a speaker says of itself: RFC 4271 section 4.2. */
export interface Open {
  /** The true one: of the four-octet capability where there is one (RFC 6793). */
  readonly asn: number;
  /** Seconds: 0, or 3 to 65535. */
  readonly holdTime: number;
  /** BGP identifier, dotted quad. */
  readonly routerId: string;
  readonly capabilities: readonly Capability[];
}

/** Stands for an AS number that does not fit two bytes: RFC 6793. */
export const AS_TRANS = 23456;

const VERSION = 4;
const CAPABILITIES = 2;
/** Of the length, and of the type in its place: what follows is in the long form of RFC 9072. */
const EXTENDED = 255;
/** Version, AS, hold time, identifier, length of parameters. */
const FIXED = 10;

/**
 * All capabilities go into one parameter, in the long form (RFC 9072) where the short one is too small.
 *
 * @throws RangeError: a value does not fit, or a large AS number lacks its capability.
 */
export function encodeOpen(open: Open): Uint8Array {
  const large = open.asn > 0xffff;
  if (large && !open.capabilities.some((each) => each.kind === "four-octet-as" && each.asn === open.asn))
    throw new RangeError(`AS ${open.asn} needs the four-octet-as capability`);
  return frame(
    "open",
    Uint8Array.of(
      VERSION,
      ...bytesOf(large ? AS_TRANS : open.asn, 2),
      ...bytesOf(open.holdTime, 2),
      ...ipv4Bytes(open.routerId),
      ...parameters(open.capabilities.flatMap((capability) => [...encodeCapability(capability)])),
    ),
  );
}

function parameters(capabilities: readonly number[]): number[] {
  const { length } = capabilities;
  if (length === 0) return [0];
  // 255 as a length announces the long form.
  if (length + 2 < EXTENDED) return [length + 2, CAPABILITIES, length, ...capabilities];
  return [
    ...[EXTENDED, EXTENDED, ...bytesOf(length + 3, 2)],
    ...[CAPABILITIES, ...bytesOf(length, 2), ...capabilities],
  ];
}

/**
 * Reads a whole OPEN, and checks what can be checked without knowing the session.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE` with the NOTIFICATION of RFC 4271 section 6.2.
 */
export function decodeOpen(message: Uint8Array): Open {
  const body = message.subarray(HEADER);
  if (body[0] !== VERSION)
    throw refusal(NOTIFICATION.open, 1, `the peer speaks version ${body[0]}`, [0, VERSION]);
  const short = uint16(body, 1);
  const holdTime = uint16(body, 3);
  if (short === 0) throw refusal(NOTIFICATION.open, 2, "the peer's AS number is 0");
  if (holdTime === 1 || holdTime === 2)
    throw refusal(NOTIFICATION.open, 6, `a hold time of ${holdTime} s is too short`);
  // RFC 6286: any number but 0.
  if (uint32(body, 5) === 0) throw refusal(NOTIFICATION.open, 3, "the peer's BGP identifier is 0.0.0.0");
  const capabilities = readParameters(body);
  return {
    asn: trueAsn(short, capabilities),
    holdTime,
    routerId: formatAddress(body, 5, 4),
    capabilities,
  };
}

/** RFC 6793 section 4.1: both numbers are the same, or the short one is AS_TRANS. */
function trueAsn(short: number, capabilities: readonly Capability[]): number {
  const long = capabilities.findLast((each) => each.kind === "four-octet-as")?.asn;
  if (long === undefined) return short;
  const contradiction = short !== AS_TRANS && short !== long;
  if (long === 0 || long === AS_TRANS || contradiction)
    throw refusal(NOTIFICATION.open, 2, `the peer says AS ${short} and AS ${long} of itself`);
  return long;
}

function readParameters(body: Uint8Array): Capability[] {
  const short = body[FIXED - 1] as number;
  const extended = short !== 0 && body[FIXED] === EXTENDED;
  const start = extended ? FIXED + 3 : FIXED;
  const length = extended && body.length >= start ? uint16(body, FIXED + 1) : short;
  if (start + length !== body.length)
    throw refusal(NOTIFICATION.open, 0, "the optional parameters are not as long as they say");
  const header = extended ? 3 : 2;
  const capabilities: Capability[] = [];
  for (let at = start; at < body.length;) {
    if (at + header > body.length) throw refusal(NOTIFICATION.open, 0, "an optional parameter is cut short");
    const size = extended ? uint16(body, at + 1) : (body[at + 1] as number);
    const end = at + header + size;
    if (end > body.length) throw refusal(NOTIFICATION.open, 0, "an optional parameter is cut short");
    if (body[at] !== CAPABILITIES)
      throw refusal(NOTIFICATION.open, 4, `optional parameter ${body[at]} is not supported`);
    for (const capability of decodeCapabilities(body.subarray(at + header, end)))
      capabilities.push(capability);
    at = end;
  }
  return capabilities;
}
