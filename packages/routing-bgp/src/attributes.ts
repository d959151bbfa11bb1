import type { RouteChange } from "@netloom/bgp";
import type { BgpAttributes } from "./resources/types.ts";

/**
 * What a prefix is told with that several advertisements have. Cilium's rule: communities are united, the highest local
 * preference wins. In its spirit the others go by what makes the route the most preferred: the lowest MED, the fewest
 * AS numbers prepended. An advertisement that says nothing of a number has no say in it.
 */
export function mergeAttributes(all: readonly (BgpAttributes | undefined)[]): RouteChange {
  const said = all.filter((attributes) => attributes !== undefined);
  const communities = united(
    said.flatMap(({ communities: { standard = [], wellKnown = [] } = {} }) => [...standard, ...wellKnown]),
  );
  const large = united(said.flatMap(({ communities }) => communities?.large ?? []));
  const localPref = extreme(Math.max, said, "localPreference");
  const med = extreme(Math.min, said, "med");
  const prepend = extreme(Math.min, said, "prepend");
  return {
    ...(communities.length === 0 ? {} : { addCommunities: communities }),
    ...(large.length === 0 ? {} : { addLargeCommunities: large }),
    ...(localPref === undefined ? {} : { localPref }),
    ...(med === undefined ? {} : { med }),
    ...(prepend === undefined ? {} : { prepend }),
  };
}

function united(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

function extreme(
  choose: (...values: number[]) => number,
  all: readonly BgpAttributes[],
  name: "localPreference" | "med" | "prepend",
): number | undefined {
  const values = all.flatMap((attributes) => attributes[name] ?? []);
  return values.length === 0 ? undefined : choose(...values);
}
