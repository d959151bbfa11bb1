import type { Family } from "@netloom/core";
import type { Shortage } from "./planning.ts";
import type { PoolChange, PoolCounts } from "./watermarks.ts";

/**
 * What will be missing when all is there that is on its way or can be asked for, and for how many of it somebody waits. Less
 * than is to be kept warm is no shortage where the policy allows no more.
 *
 * @param counts - who waits counts as used
 * @param unmet - what cannot be asked for
 */
export function shortagesOf(
  counts: ReadonlyMap<Family, PoolCounts>,
  changes: ReadonlyMap<Family, PoolChange>,
  unmet: readonly Shortage[],
): readonly Shortage[] {
  return [...changes].flatMap(([family, { short }]): readonly Shortage[] => {
    const { available, used } = counts.get(family)!;
    const found = unmet.find((one) => one.family === family);
    const waiting = Math.max(0, used - available - short + (found?.missing ?? 0));
    if (found !== undefined) return [{ ...found, waiting }];
    return waiting === 0 ? [] : [{ family, missing: waiting, waiting, why: "most" }];
  });
}
