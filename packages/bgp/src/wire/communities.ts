import type { LargeCommunity } from "./attributes.ts";

/** RFC 1997. */
export const NO_EXPORT = 0xffff_ff01;
export const NO_ADVERTISE = 0xffff_ff02;
export const NO_EXPORT_SUBCONFED = 0xffff_ff03;
/** RFC 9494 section 4.6. */
export const LLGR_STALE = 0xffff_0006;
export const NO_LLGR = 0xffff_0007;

/** IANA's well-known communities: RFC 1997, 3765, 7611, 7999, 8326, 9494. */
export const WELL_KNOWN_COMMUNITIES: Readonly<Record<string, number>> = {
  "graceful-shutdown": 0xffff_0000,
  "accept-own": 0xffff_0001,
  "llgr-stale": LLGR_STALE,
  "no-llgr": NO_LLGR,
  "accept-own-nexthop": 0xffff_0008,
  blackhole: 0xffff_029a,
  "no-export": NO_EXPORT,
  "no-advertise": NO_ADVERTISE,
  "no-export-subconfed": NO_EXPORT_SUBCONFED,
  "no-peer": 0xffff_ff04,
};

const NAMES = new Map(Object.entries(WELL_KNOWN_COMMUNITIES).map(([name, value]) => [value, name]));

/** `65000:1`, or a well-known name such as `no-export`. @returns `undefined`: neither */
export function parseCommunity(text: string): number | undefined {
  const named = Object.hasOwn(WELL_KNOWN_COMMUNITIES, text) ? WELL_KNOWN_COMMUNITIES[text] : undefined;
  if (named !== undefined) return named;
  const [high, low, ...more] = text.split(":").map((part) => parseNumber(part, 0xffff));
  return high === undefined || low === undefined || more.length > 0 ? undefined : high * 0x1_0000 + low;
}

/** The name of a well-known one, otherwise `65000:1`. */
export function formatCommunity(community: number): string {
  return NAMES.get(community) ?? `${community >>> 16}:${community & 0xffff}`;
}

/** `65000:1:2`, each to 4294967295. @returns `undefined`: it is none */
export function parseLargeCommunity(text: string): LargeCommunity | undefined {
  const [administrator, local1, local2, ...more] = text
    .split(":")
    .map((part) => parseNumber(part, 0xffff_ffff));
  if (administrator === undefined || local1 === undefined || local2 === undefined || more.length > 0)
    return undefined;
  return [administrator, local1, local2];
}

export function formatLargeCommunity(community: LargeCommunity): string {
  return community.join(":");
}

/** Decimal, without a sign or leading zeros. */
export function parseNumber(text: string, maximum: number): number | undefined {
  const value = /^(?:0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
  return value <= maximum ? value : undefined;
}
