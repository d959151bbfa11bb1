import { formatCidr, parseCidr } from "../address/index.ts";
import { isNetloomError, NetloomError } from "../errors.ts";
import type { RoutedNode } from "../ports/routing.ts";
import { settle, type Claimant, type Overlap } from "./claimants.ts";

/** Who has which pods, as far as the other nodes are concerned. */
export interface PodRanges {
  /** In the order of the nodes' names. No two of them overlap, and none overlaps a range of this node. */
  readonly ranges: readonly Claimant[];
  /** `ERR_NODE_INVALID` for what cannot be read, `ERR_IPAM_CONFLICT` for what is somebody else's. */
  readonly problems: readonly NetloomError[];
}

/**
 * Decides which node each pod range belongs to: this node's own first, so that what others say can never draw traffic
 * away from its pods, then the others by name. Where this node is among the others it is passed over.
 *
 * @param backend - whose problems they are.
 */
export function podRanges(local: RoutedNode, remotes: readonly RoutedNode[], backend: string): PodRanges {
  const problems: NetloomError[] = [];
  const claimants: Claimant[] = local.podCIDRs.map((text) => ({ node: local.name, cidr: parseCidr(text) }));
  for (const remote of remotes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (remote.name !== local.name) claimants.push(...cidrsOf(remote, problems, backend));
  }
  const { winners, overlaps } = settle(claimants);
  problems.push(...overlaps.map((overlap) => overlapping(overlap, backend)));
  return { ranges: winners.filter(({ node }) => node !== local.name), problems };
}

/** What cannot be read is a problem of that one range. */
function cidrsOf({ name, podCIDRs }: RoutedNode, problems: NetloomError[], backend: string): Claimant[] {
  return podCIDRs.flatMap((text) => {
    try {
      return [{ node: name, cidr: parseCidr(text) }];
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      const message = `node ${name}: ${error.message}`;
      problems.push(new NetloomError("ERR_NODE_INVALID", message, { input: text, backend, cause: error }));
      return [];
    }
  });
}

function overlapping({ loser, winner }: Overlap, backend: string): NetloomError {
  const message = `${formatCidr(loser.cidr)} of node ${loser.node} overlaps ${formatCidr(winner.cidr)} of node ${winner.node}`;
  return new NetloomError("ERR_IPAM_CONFLICT", message, {
    input: formatCidr(loser.cidr),
    remedy: "assign ranges that are apart; until then nothing is sent to the former",
    backend,
  });
}
