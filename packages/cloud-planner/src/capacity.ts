import { fill, type Filled, type OutOfAddresses } from "./fleet-ledger.ts";
import type { Planner } from "./input.ts";

/** Further is not looked. */
const MOST_DAYS = 3650;
const MOST_NODES = 20_000;

export interface Capacity {
  /** Every pod of every node gets an address. */
  readonly fits: boolean;
  /** The first that gets none. */
  readonly out?: OutOfAddresses;
  /** The first node that finds no whole block, and goes on with single addresses. */
  readonly outOfBlocks?: number;
  /** How many nodes with so many pods there is room for. */
  readonly nodes: number;
  /** So many at least: more were not tried. */
  readonly atLeast: boolean;
  /** Growing as stated, the day on which a pod gets no address; left out without growth, and where it is ten years or more. */
  readonly days?: number;
  /** The same, of whole blocks. */
  readonly daysOfBlocks?: number;
}

export function capacityOf(planner: Planner, placement: "scattered" | "packed"): Capacity {
  const { perNode } = planner.pods;
  const count = planner.nodes.reduce((sum, nodes) => sum + nodes.count, 0);
  const most = 4 * count + 100;
  const filled = fill(planner, { placement, podsPerNode: perNode, nodes: most });
  const fits = filled.nodes >= count;
  const { out, outOfBlocks } = filled;
  const grown = (day: number): Filled => {
    const { podsPerNode, nodes } = planner.growth;
    return fill(planner, {
      placement,
      podsPerNode: perNode + Math.floor(podsPerNode * day),
      nodes: Math.min(MOST_NODES, count + Math.floor(nodes * day)),
    });
  };
  const grows = planner.growth.podsPerNode + planner.growth.nodes > 0;
  const days = grows ? firstDay((day) => grown(day).out !== undefined) : undefined;
  const daysOfBlocks = grows ? firstDay((day) => grown(day).outOfBlocks !== undefined) : undefined;
  return {
    fits,
    ...(out === undefined || fits ? {} : { out }),
    ...(outOfBlocks === undefined || outOfBlocks > count ? {} : { outOfBlocks }),
    nodes: filled.nodes,
    atLeast: out === undefined,
    ...(days === undefined ? {} : { days }),
    ...(daysOfBlocks === undefined ? {} : { daysOfBlocks }),
  };
}

/** The first on which it is so: from then on it stays so. */
function firstDay(isSo: (day: number) => boolean): number | undefined {
  if (isSo(0)) return 0;
  let [before, after] = [0, 1];
  while (!isSo(after)) {
    before = after;
    after *= 2;
    if (after > MOST_DAYS) return undefined;
  }
  while (after - before > 1) {
    const middle = (before + after) >> 1;
    if (isSo(middle)) after = middle;
    else before = middle;
  }
  return after;
}
