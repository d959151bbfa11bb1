import { PolicyShape } from "../datapath/schema.generated.ts";
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

/** Asks a policy set as the datapath does: probes in its order, the first entry decides. */
export function askPolicy(lookup: PolicyLookup, shape: number, question: PolicyQuestion): PolicyVerdict {
  const { identity, protocol, port } = question;
  for (let bits = 16; bits >= 0; bits--) {
    if ((shape & (1 << bits)) === 0) continue;
    const masked = port & mask(bits);
    const entry = lookup(identity, protocol, bits, masked) ?? lookup(0, protocol, bits, masked);
    if (entry !== undefined) return { allowed: !entry.deny, entry };
  }
  if ((shape & PolicyShape.POLICY_SHAPE_ANY_PROTOCOL) !== 0) {
    const entry = lookup(identity, 0, 0, 0) ?? lookup(0, 0, 0, 0);
    if (entry !== undefined) return { allowed: !entry.deny, entry };
  }
  return { allowed: (shape & PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW) !== 0, entry: undefined };
}

/** A lookup over entries in memory. */
export function lookupIn(entries: Iterable<PolicyEntry>): PolicyLookup {
  const key = (identity: number, protocol: number, bits: number, port: number): string =>
    `${identity}:${protocol}:${bits}:${port}`;
  const table = new Map<string, PolicyEntry>();
  for (const entry of entries) table.set(key(entry.identity, entry.protocol, entry.bits, entry.port), entry);
  return (...of) => table.get(key(...of));
}
