import { PolicyShape, ReservedIdentity } from "../datapath/schema.generated.ts";
import type { PolicyEntry } from "./compile.ts";
import { mask } from "./l4.ts";

export interface PolicyQuestion {
  /** Of the peer. */
  readonly identity: number;
  /** IANA number. */
  readonly protocol: number;
  /** Destination port; the type for ICMP. */
  readonly port: number;
}

export interface PolicyVerdict {
  readonly allowed: boolean;
  /** The entry that decided; `undefined`: the default of the direction did. */
  readonly entry: PolicyEntry | undefined;
}

/** Finds an entry by its exact key. */
export type PolicyLookup = (
  identity: number,
  protocol: number,
  bits: number,
  port: number,
) => PolicyEntry | undefined;

/** Is an endpoint's identity written into this node's sets? */
export type KnownIdentity = (identity: number) => boolean;

/** Asks a policy set as the datapath does: probes in its order, the first entry decides. */
export function askPolicy(
  lookup: PolicyLookup,
  shape: number,
  question: PolicyQuestion,
  known: KnownIdentity = () => true,
): PolicyVerdict {
  const entry = probe(lookup, shape, question);
  const byDefault = (shape & PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW) !== 0;
  const allowed = entry === undefined ? byDefault : !entry.deny;
  const ownEntry = entry !== undefined && entry.identity !== 0;
  return { allowed: allowed && (ownEntry || !mayBeDenied(shape, question.identity, known)), entry };
}

function probe(
  lookup: PolicyLookup,
  shape: number,
  { identity, protocol, port }: PolicyQuestion,
): PolicyEntry | undefined {
  for (let bits = 16; bits >= 0; bits--) {
    if ((shape & (1 << bits)) === 0) continue;
    const masked = port & mask(bits);
    const entry = lookup(identity, protocol, bits, masked) ?? lookup(0, protocol, bits, masked);
    if (entry !== undefined) return entry;
  }
  if ((shape & PolicyShape.POLICY_SHAPE_ANY_PROTOCOL) === 0) return undefined;
  return lookup(identity, 0, 0, 0) ?? lookup(0, 0, 0, 0);
}

/** An endpoint whose entries are still to come, asking a set that denies some endpoints. */
function mayBeDenied(shape: number, identity: number, known: KnownIdentity): boolean {
  if ((shape & PolicyShape.POLICY_SHAPE_DENIES_PEERS) === 0) return false;
  const endpoint =
    identity >= ReservedIdentity.IDENTITY_CLUSTER_FIRST && identity < ReservedIdentity.IDENTITY_LOCAL_FIRST;
  return endpoint && !known(identity);
}

/** A lookup over entries in memory. */
export function lookupIn(entries: Iterable<PolicyEntry>): PolicyLookup {
  const key = (identity: number, protocol: number, bits: number, port: number): string =>
    `${identity}:${protocol}:${bits}:${port}`;
  const table = new Map<string, PolicyEntry>();
  for (const entry of entries) table.set(key(entry.identity, entry.protocol, entry.bits, entry.port), entry);
  return (...of) => table.get(key(...of));
}
