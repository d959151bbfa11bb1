/** Numbers of attributes: RFC 4271, 1997, 4456, 4760, 4360, 6793, 5701, 8092, 9234. */
export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  multiExitDisc: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  largeCommunities: 32,
  onlyToCustomer: 35,
} as const;

/** Flags of an attribute: RFC 4271 section 4.3. */
export const OPTIONAL = 0x80;
export const TRANSITIVE = 0x40;
export const PARTIAL = 0x20;
export const EXTENDED_LENGTH = 0x10;

const WELL_KNOWN = TRANSITIVE;
const OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE;

/** The optional and transitive bits that each known attribute must have, by number; 0: it is not known. */
export const EXPECTED_FLAGS: Uint8Array = new Uint8Array(256);
for (const type of [
  ATTRIBUTE.origin,
  ATTRIBUTE.asPath,
  ATTRIBUTE.nextHop,
  ATTRIBUTE.localPref,
  ATTRIBUTE.atomicAggregate,
])
  EXPECTED_FLAGS[type] = WELL_KNOWN;
for (const type of [
  ATTRIBUTE.multiExitDisc,
  ATTRIBUTE.originatorId,
  ATTRIBUTE.clusterList,
  ATTRIBUTE.mpReach,
  ATTRIBUTE.mpUnreach,
])
  EXPECTED_FLAGS[type] = OPTIONAL;
for (const type of [
  ATTRIBUTE.aggregator,
  ATTRIBUTE.communities,
  ATTRIBUTE.extendedCommunities,
  ATTRIBUTE.as4Path,
  ATTRIBUTE.as4Aggregator,
  ATTRIBUTE.ipv6ExtendedCommunities,
  ATTRIBUTE.largeCommunities,
  ATTRIBUTE.onlyToCustomer,
])
  EXPECTED_FLAGS[type] = OPTIONAL_TRANSITIVE;
