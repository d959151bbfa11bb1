/** One round of what is measured. */
export type Contender<T = number> = () => T | Promise<T>;

/** A figure for each round, in any unit. */
export type Figures = readonly number[];

/**
 * Rounds of all in turn, so that a noisy moment hits none of them alone. The first round warms up and does not count.
 *
 * @returns what the rounds of each contender gave, by its name.
 */
export async function rounds<Name extends string, T = number>(
  count: number,
  contenders: Readonly<Record<Name, Contender<T>>>,
): Promise<(name: Name) => readonly T[]> {
  const list = Object.entries<Contender<T>>(contenders);
  const results = new Map(list.map(([name]) => [name, [] as T[]]));
  for (let round = -1; round < count; round++) {
    for (const [name, run] of list) {
      const result = await run();
      if (round >= 0) results.get(name)!.push(result);
    }
  }
  return (name) => results.get(name)!;
}

export function median(figures: Figures): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What each round says of two that were measured in the same moment. */
export function paired(
  ours: Figures,
  theirs: Figures,
  combine: (ours: number, theirs: number) => number,
): Figures {
  return ours.map((figure, round) => combine(figure, theirs[round]!));
}

export const minus = (one: number, other: number): number => one - other;

/** The median of the rounds' own ratios: below 1 ours is the better one. */
export function pairedRatio(ours: Figures, theirs: Figures): number {
  return median(paired(ours, theirs, (one, other) => one / other));
}
