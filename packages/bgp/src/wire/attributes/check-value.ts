import type { WireContext } from "../context.ts";
import { uint32, unsigned } from "../bytes.ts";
import { asPathFault } from "./as-path.ts";
import { ATTRIBUTE } from "./types.ts";

/** What is wrong with the value of a known attribute. */
export interface ValueFault {
  readonly action: "discard-attribute" | "treat-as-withdraw";
  /** Of UPDATE message errors, should it come to that: RFC 4271 section 6.3. */
  readonly subcode: number;
  readonly reason: string;
}

const LENGTH = 5;
const INVALID_ORIGIN = 6;
const INVALID_NEXT_HOP = 8;
const OPTIONAL_ERROR = 9;
const MALFORMED_AS_PATH = 11;

/**
 * Checks the value of an attribute, from `start` to `end`. Nothing is made where nothing is wrong: this is done for every
 * UPDATE with attributes that its session did not have just before.
 */
export function valueFault(
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): ValueFault | undefined {
  const length = end - start;
  switch (type) {
    case ATTRIBUTE.origin:
      if (length !== 1) return withdraw(LENGTH, length, "RFC 7606 section 7.1");
      return (bytes[start] as number) > 2 ? badOrigin(bytes[start]) : undefined;
    case ATTRIBUTE.asPath: {
      const reason = asPathFault(bytes, start, end, context.fourOctetAs ? 4 : 2, context.internal);
      return reason === undefined ? undefined : badPath("treat-as-withdraw", reason, "RFC 7606 section 7.2");
    }
    case ATTRIBUTE.nextHop:
      if (length !== 4) return withdraw(LENGTH, length, "RFC 7606 section 7.3");
      return isHost(bytes[start] as number, uint32(bytes, start)) ? undefined : badNextHop;
    case ATTRIBUTE.multiExitDisc:
      return length === 4 ? undefined : withdraw(LENGTH, length, "RFC 7606 section 7.4");
    case ATTRIBUTE.localPref:
      if (!context.internal) return fromOutside("RFC 7606 section 7.5");
      return length === 4 ? undefined : withdraw(LENGTH, length, "RFC 7606 section 7.5");
    case ATTRIBUTE.atomicAggregate:
      return length === 0 ? undefined : discard(LENGTH, length, "RFC 7606 section 7.6");
    case ATTRIBUTE.aggregator:
      return aggregatorFault(bytes, start, length, context.fourOctetAs ? 4 : 2);
    case ATTRIBUTE.communities:
      return isMultiple(length, 4) ? undefined : withdraw(OPTIONAL_ERROR, length, "RFC 7606 section 7.8");
    case ATTRIBUTE.originatorId:
      if (!context.internal) return fromOutside("RFC 7606 section 7.9");
      return length === 4 ? undefined : withdraw(LENGTH, length, "RFC 7606 section 7.9");
    case ATTRIBUTE.clusterList:
      if (!context.internal) return fromOutside("RFC 7606 section 7.10");
      return isMultiple(length, 4) ? undefined : withdraw(LENGTH, length, "RFC 7606 section 7.10");
    case ATTRIBUTE.extendedCommunities:
      return isMultiple(length, 8) ? undefined : withdraw(OPTIONAL_ERROR, length, "RFC 7606 section 7.14");
    case ATTRIBUTE.as4Path:
      return as4PathFault(bytes, start, end, context);
    case ATTRIBUTE.as4Aggregator:
      if (context.fourOctetAs) return needless;
      return aggregatorFault(bytes, start, length, 4);
    case ATTRIBUTE.ipv6ExtendedCommunities:
      return isMultiple(length, 20) ? undefined : withdraw(OPTIONAL_ERROR, length, "RFC 7606 section 7.15");
    case ATTRIBUTE.largeCommunities:
      return isMultiple(length, 12) ? undefined : withdraw(OPTIONAL_ERROR, length, "RFC 8092 section 6");
    case ATTRIBUTE.onlyToCustomer:
      return length === 4 ? undefined : withdraw(OPTIONAL_ERROR, length, "RFC 9234 section 5");
    default:
      return undefined;
  }
}

function aggregatorFault(
  bytes: Uint8Array,
  start: number,
  length: number,
  width: 2 | 4,
): ValueFault | undefined {
  if (length !== width + 4) return discard(LENGTH, length, "RFC 7606 section 7.7");
  return unsigned(bytes, start, width) === 0
    ? { action: "discard-attribute", subcode: OPTIONAL_ERROR, reason: "the aggregator is AS 0 (RFC 7607)" }
    : undefined;
}

/** RFC 6793 section 6. */
function as4PathFault(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): ValueFault | undefined {
  if (context.fourOctetAs) return needless;
  if (end - start < 6) return discard(MALFORMED_AS_PATH, end - start, "RFC 6793 section 6");
  const reason = asPathFault(bytes, start, end, 4, true);
  return reason === undefined ? undefined : badPath("discard-attribute", reason, "RFC 6793 section 6");
}

/** Any number but of this network, multicast and reserved ones: RFC 4271 section 6.3, a valid host address. */
function isHost(first: number, address: number): boolean {
  return first < 224 && address !== 0;
}

function isMultiple(length: number, size: number): boolean {
  return length > 0 && length % size === 0;
}

const needless: ValueFault = {
  action: "discard-attribute",
  subcode: OPTIONAL_ERROR,
  reason: "AS numbers have four bytes in this session anyway (RFC 6793 section 4.1)",
};

const badNextHop: ValueFault = {
  action: "treat-as-withdraw",
  subcode: INVALID_NEXT_HOP,
  reason: "the next hop is no address of a host (RFC 4271 section 6.3)",
};

function badOrigin(value: number | undefined): ValueFault {
  return {
    action: "treat-as-withdraw",
    subcode: INVALID_ORIGIN,
    reason: `there is no origin ${value} (RFC 7606 section 7.1)`,
  };
}

function badPath(action: ValueFault["action"], reason: string, source: string): ValueFault {
  return { action, subcode: MALFORMED_AS_PATH, reason: `${reason} (${source})` };
}

function fromOutside(source: string): ValueFault {
  return {
    action: "discard-attribute",
    subcode: OPTIONAL_ERROR,
    reason: `not for peers of another AS (${source})`,
  };
}

function withdraw(subcode: number, length: number, source: string): ValueFault {
  return { action: "treat-as-withdraw", subcode, reason: wrongLength(length, source) };
}

function discard(subcode: number, length: number, source: string): ValueFault {
  return { action: "discard-attribute", subcode, reason: wrongLength(length, source) };
}

function wrongLength(length: number, source: string): string {
  return `it cannot have ${length} bytes (${source})`;
}
