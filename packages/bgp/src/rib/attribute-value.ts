import {
  type AsPathSegment,
  ORIGINS,
  type PathAttributes,
  type UnknownAttribute,
} from "../wire/attributes.ts";

const SEGMENTS = ["sequence", "set", "confed-sequence", "confed-set"] as const;

/**
 * A number that is the same for equal sets of attributes, and seldom for others: whatever a peer may vary counts, for sets
 * with the same number are gone through one by one.
 */
export function hashAttributes(attributes: PathAttributes): number {
  const { aggregator, communities, extendedCommunities, largeCommunities, clusterList, unknown } = attributes;
  let hash = mix(ORIGINS.indexOf(attributes.origin), textHash(attributes.nextHop));
  for (const segment of attributes.asPath) {
    hash = mix(hash, SEGMENTS.indexOf(segment.type));
    for (const asn of segment.asns) hash = mix(hash, asn);
  }
  hash = mix(hash, attributes.med ?? -1);
  hash = mix(hash, attributes.localPref ?? -1);
  hash = mix(hash, attributes.onlyToCustomer ?? 0);
  if (communities !== undefined) for (const community of communities) hash = mix(hash, community);
  if (extendedCommunities !== undefined)
    for (const community of extendedCommunities)
      hash = mix(mix(hash, Number(community >> 32n)), Number(community & 0xffffffffn));
  if (largeCommunities !== undefined)
    for (const community of largeCommunities) for (const part of community) hash = mix(hash, part);
  if (unknown !== undefined)
    for (const { flags, type, value } of unknown)
      hash = mix(mix(hash, (flags << 8) | type), hashBytes(value));
  if (attributes.originatorId !== undefined) hash = mix(hash, textHash(attributes.originatorId));
  if (attributes.linkLocalNextHop !== undefined) hash = mix(hash, textHash(attributes.linkLocalNextHop));
  if (attributes.atomicAggregate === true) hash = mix(hash, 1);
  if (aggregator !== undefined) hash = mix(mix(hash, aggregator.asn), textHash(aggregator.address));
  if (clusterList !== undefined) for (const cluster of clusterList) hash = mix(hash, textHash(cluster));
  return hash ^ (hash >>> 15);
}

/** All that they say is the same. What is left out equals what is `undefined`, empty or false. */
export function equalAttributes(left: PathAttributes, right: PathAttributes): boolean {
  return (
    left.origin === right.origin &&
    left.nextHop === right.nextHop &&
    left.med === right.med &&
    left.localPref === right.localPref &&
    left.linkLocalNextHop === right.linkLocalNextHop &&
    left.onlyToCustomer === right.onlyToCustomer &&
    left.originatorId === right.originatorId &&
    (left.atomicAggregate ?? false) === (right.atomicAggregate ?? false) &&
    left.aggregator?.asn === right.aggregator?.asn &&
    left.aggregator?.address === right.aggregator?.address &&
    equalLists(left.asPath, right.asPath, equalSegments) &&
    equalLists(left.communities, right.communities, Object.is) &&
    equalLists(left.extendedCommunities, right.extendedCommunities, Object.is) &&
    equalLists(left.largeCommunities, right.largeCommunities, (a, b) => equalLists(a, b, Object.is)) &&
    equalLists(left.clusterList, right.clusterList, Object.is) &&
    equalLists(left.unknown, right.unknown, equalUnknown)
  );
}

/** FNV-1a, finished so that all bits count. */
export function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = 0; at < bytes.length; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function textHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash, 31) + text.charCodeAt(at);
  return hash | 0;
}

function mix(hash: number, value: number): number {
  const next = Math.imul(hash ^ value, 0x9e3779b1);
  return (next ^ (next >>> 15)) + 0x7f4a7c15;
}

const NONE: readonly never[] = [];

function equalLists<T>(
  left: readonly T[] | undefined,
  right: readonly T[] | undefined,
  equal: (left: T, right: T) => boolean,
): boolean {
  const a = left ?? NONE;
  const b = right ?? NONE;
  return a.length === b.length && a.every((item, index) => equal(item, b[index]!));
}

function equalSegments(left: AsPathSegment, right: AsPathSegment): boolean {
  return left.type === right.type && equalLists(left.asns, right.asns, Object.is);
}

function equalUnknown(left: UnknownAttribute, right: UnknownAttribute): boolean {
  return (
    left.type === right.type &&
    left.flags === right.flags &&
    left.value.length === right.value.length &&
    left.value.every((byte, at) => byte === right.value[at])
  );
}
