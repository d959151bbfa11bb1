import { ReservedIdentity } from "../datapath/schema.generated.ts";

/**
 * Numeric identities: what each range means. Numbers below 256 mean the same in every cluster; 256 to 65535 are
 * one cluster's; above bit 24 a number is known to one node only and never leaves it.
 */
export const RESERVED_IDENTITIES = {
  unknown: ReservedIdentity.IDENTITY_UNKNOWN,
  host: ReservedIdentity.IDENTITY_HOST,
  world: ReservedIdentity.IDENTITY_WORLD,
  unmanaged: ReservedIdentity.IDENTITY_UNMANAGED,
  health: ReservedIdentity.IDENTITY_HEALTH,
  init: ReservedIdentity.IDENTITY_INIT,
  "remote-node": ReservedIdentity.IDENTITY_REMOTE_NODE,
  "kube-apiserver": ReservedIdentity.IDENTITY_KUBE_APISERVER,
  ingress: ReservedIdentity.IDENTITY_INGRESS,
  "world-ipv4": ReservedIdentity.IDENTITY_WORLD_IPV4,
  "world-ipv6": ReservedIdentity.IDENTITY_WORLD_IPV6,
} as const;

export type ReservedName = keyof typeof RESERVED_IDENTITIES;

/** First and last number of one cluster's own identities. */
export const CLUSTER_IDENTITIES = { first: ReservedIdentity.IDENTITY_CLUSTER_FIRST, last: 65_535 } as const;

/** First and last number of identities that mean something to one node only: those of CIDRs. */
export const LOCAL_IDENTITIES = { first: 0x0100_0001, last: 0x01ff_ffff } as const;

export type IdentityScope = "reserved" | "cluster" | "remote-cluster" | "node";

export function identityScope(id: number): IdentityScope {
  if (id < CLUSTER_IDENTITIES.first) return "reserved";
  if (id <= CLUSTER_IDENTITIES.last) return "cluster";
  return id < LOCAL_IDENTITIES.first ? "remote-cluster" : "node";
}

const RESERVED_NAMES = new Map<number, ReservedName>(
  Object.entries(RESERVED_IDENTITIES).map(([name, id]) => [id, name as ReservedName]),
);

/** The name of a reserved number, e.g. `world`. */
export function reservedName(id: number): ReservedName | undefined {
  return RESERVED_NAMES.get(id);
}
