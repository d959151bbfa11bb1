import { compareCidrs, type Cidr } from "../address/index.ts";

/** A pod CIDR, and the node that says it has it. */
export interface Claimant {
  readonly node: string;
  readonly cidr: Cidr;
}

/** A pod CIDR that is somebody else's too. */
export interface Overlap {
  readonly loser: Claimant;
  readonly winner: Claimant;
}

/**
 * Decides who has each address: of claimants that overlap, the one that comes first. Costs n log n, for a cluster has
 * thousands of nodes and this runs whenever one of them changes.
 */
export function settle(claimants: readonly Claimant[]): { winners: Claimant[]; overlaps: Overlap[] } {
  const rank = new Map(claimants.map((claimant, index) => [claimant, index]));
  const byRank = (a: Claimant, b: Claimant): number => rank.get(a)! - rank.get(b)!;
  const winners: Claimant[] = [];
  const overlaps: Overlap[] = [];
  for (const cluster of clusters(claimants)) {
    const kept: Claimant[] = [];
    for (const claimant of cluster.sort(byRank)) {
      const winner = kept.find(({ cidr }) => cidr.overlaps(claimant.cidr));
      if (winner === undefined) kept.push(claimant);
      else overlaps.push({ loser: claimant, winner });
    }
    winners.push(...kept);
  }
  return { winners: winners.sort(byRank), overlaps: overlaps.sort((a, b) => byRank(a.loser, b.loser)) };
}

/** Prefixes are nested or apart: in address order, each outermost one is followed by all that lie in it. */
function* clusters(claimants: readonly Claimant[]): Iterable<Claimant[]> {
  let cluster: Claimant[] = [];
  for (const claimant of claimants.toSorted((a, b) => compareCidrs(a.cidr, b.cidr))) {
    if (cluster[0]?.cidr.containsCidr(claimant.cidr) === true) cluster.push(claimant);
    else {
      if (cluster.length > 0) yield cluster;
      cluster = [claimant];
    }
  }
  if (cluster.length > 0) yield cluster;
}
