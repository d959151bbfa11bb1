import { type Cidr, cidrAround, compareCidrs } from "./cidr.ts";

/**
 * What is left of `from` without `excepts`: the shortest list of prefixes, in address order. Exceptions may
 * overlap each other, lie outside `from`, or be of the other family.
 */
export function subtractCidrs(from: Cidr, excepts: readonly Cidr[]): Cidr[] {
  const relevant = excepts.filter((except) => except.overlaps(from));
  if (relevant.length === 0) return [from];
  if (relevant.some((except) => except.containsCidr(from))) return [];
  const [low, high] = from.halves()!; // an exception inside `from` is longer than it, so there are halves
  return [...subtractCidrs(low, relevant), ...subtractCidrs(high, relevant)];
}

/** The shortest list of prefixes that holds exactly the addresses of `cidrs`, in address order. */
export function summarizeCidrs(cidrs: Iterable<Cidr>): Cidr[] {
  const result: Cidr[] = [];
  for (let next of [...cidrs].sort(compareCidrs)) {
    if (result.at(-1)?.containsCidr(next) === true) continue;
    for (
      let parent = joined(result.at(-1), next);
      parent !== undefined;
      parent = joined(result.at(-1), next)
    ) {
      result.pop();
      next = parent;
    }
    result.push(next);
  }
  return result;
}

/** The prefix whose halves are `low` and `high`, if there is one. */
function joined(low: Cidr | undefined, high: Cidr): Cidr | undefined {
  if (low === undefined || low.prefix !== high.prefix || low.prefix === 0) return undefined;
  const parent = cidrAround(low.first, low.prefix - 1);
  return parent.contains(high.first) && parent.first.equals(low.first) ? parent : undefined;
}
