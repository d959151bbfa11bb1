import type { AttributeStore } from "./attribute-store.ts";
import type { Source } from "./source.ts";

/** Paths of one prefix, side by side. Filled, asked and emptied again: one serves for all prefixes. */
export class Candidates {
  /** Entries from {@link length} on mean nothing. */
  readonly ids: number[] = [];
  readonly sources: Source[] = [];
  readonly pathIds: number[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(id: number, source: Source, pathId: number): void {
    this.ids[this.#length] = id;
    this.sources[this.#length] = source;
    this.pathIds[this.#length] = pathId;
    this.#length += 1;
  }

  clear(): void {
    this.#length = 0;
  }
}

/**
 * The decision process: RFC 4271 section 9.1.2.2, with what others added and everybody does. In order: what is not a last
 * resort (RFC 9494), local preference, our own, shorter path, origin, MED among routes from the same AS, external before
 * internal, router identifier (or ORIGINATOR_ID), shorter cluster list, address of the peer, path identifier. MED is
 * compared by groups, so the order in which routes came never matters.
 */
export class Decision {
  readonly #store: AttributeStore;
  readonly #lowestMed = new Map<number, number>();
  readonly #left: number[] = [];

  constructor(store: AttributeStore) {
    this.#store = store;
  }

  /** The index of the best; -1: there are none. */
  best(candidates: Candidates): number {
    if (candidates.length < 2) return candidates.length - 1;
    const left = this.#afterMed(candidates);
    let best = left[0]!;
    for (let at = 1; at < left.length; at += 1)
      if (this.#compareLast(candidates, left[at]!, best) < 0) best = left[at]!;
    return best;
  }

  /** Indexes of those as good as the best for forwarding, itself among them: alike through MED and kind. */
  equals(candidates: Candidates): readonly number[] {
    const best = this.best(candidates);
    if (best < 0) return [];
    const { from } = candidates.sources[best]!;
    return this.#afterMed(candidates).filter((index) => candidates.sources[index]!.from === from);
  }

  /** The best path of a prefix stays the best when this one, of another source and not our own, comes in addition. */
  withstands(best: number, bestSource: Source, added: number, addedSource: Source): boolean {
    const first = this.#compareFirst(best, bestSource, added, addedSource);
    if (first !== 0) return first < 0;
    const { neighbour, med } = this.#store;
    if (neighbour[best] === neighbour[added] && med[best] !== med[added]) return med[best]! < med[added]!;
    return this.#compareSources(best, bestSource, added, addedSource) < 0;
  }

  /** Indexes of those that are left when MEDs have been compared. */
  #afterMed(candidates: Candidates): readonly number[] {
    const { ids, sources } = candidates;
    const left = this.#left;
    left.length = 0;
    const ours = firstSet(candidates);
    for (let at = 0; at < candidates.length; at += 1) {
      const source = sources[at]!;
      if (source.from === "local" && source !== ours) continue;
      const order =
        left.length === 0 ? -1 : this.#compareFirst(ids[at]!, source, ids[left[0]!]!, sources[left[0]!]!);
      if (order > 0) continue;
      if (order < 0) left.length = 0;
      left.push(at);
    }
    return left.length < 2 ? left : this.#lowest(candidates, left);
  }

  #lowest({ ids }: Candidates, left: number[]): readonly number[] {
    const { neighbour, med } = this.#store;
    const lowest = this.#lowestMed;
    lowest.clear();
    for (const at of left) {
      const from = neighbour[ids[at]!]!;
      lowest.set(from, Math.min(lowest.get(from) ?? Infinity, med[ids[at]!]!));
    }
    let kept = 0;
    for (const at of left) {
      if (med[ids[at]!] !== lowest.get(neighbour[ids[at]!]!)) continue;
      left[kept] = at;
      kept += 1;
    }
    left.length = kept;
    return left;
  }

  /** Up to the origin: negative, the left one is better. */
  #compareFirst(left: number, leftSource: Source, right: number, rightSource: Source): number {
    const { lastResort, localPref, pathLength, origin } = this.#store;
    return (
      lastResort[left]! - lastResort[right]! ||
      localPref[right]! - localPref[left]! ||
      (leftSource.from === "local" ? 0 : 1) - (rightSource.from === "local" ? 0 : 1) ||
      pathLength[left]! - pathLength[right]! ||
      origin[left]! - origin[right]!
    );
  }

  #compareLast({ ids, sources, pathIds }: Candidates, left: number, right: number): number {
    return (
      this.#compareSources(ids[left]!, sources[left]!, ids[right]!, sources[right]!) ||
      pathIds[left]! - pathIds[right]!
    );
  }

  #compareSources(left: number, leftSource: Source, right: number, rightSource: Source): number {
    const { originator, clusterLength } = this.#store;
    return (
      (leftSource.from === "internal" ? 1 : 0) - (rightSource.from === "internal" ? 1 : 0) ||
      (originator[left] || leftSource.routerId) - (originator[right] || rightSource.routerId) ||
      clusterLength[left]! - clusterLength[right]! ||
      order(leftSource.address, rightSource.address) ||
      order(leftSource.name, rightSource.name)
    );
  }
}

/** Of our own sets, the first by name; the others do not count. */
function firstSet({ sources, length }: Candidates): Source | undefined {
  let first: Source | undefined;
  for (let at = 0; at < length; at += 1) {
    const source = sources[at]!;
    if (source.from === "local" && (first === undefined || source.name < first.name)) first = source;
  }
  return first;
}

function order(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
