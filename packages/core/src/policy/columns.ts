import { blockKey, type L4Block } from "./l4.ts";

/** A rule of one direction with its peers known: who it is about, and what. */
export interface ResolvedRule {
  /** The rule's number: what an event names. */
  readonly rule: number;
  readonly deny: boolean;
  readonly blocks: readonly L4Block[];
  /** Identities; `undefined`: anyone. */
  readonly peers: readonly number[] | undefined;
}

/** What rules say of one block: an identity in each place, the rule that counts for it, and whether it denies. */
export interface Column {
  readonly block: L4Block;
  readonly ids: readonly number[];
  readonly rules: readonly number[];
  readonly denies: readonly boolean[];
}

/** Identities of the cluster are below, those of the node and of other clusters far above. */
const CLUSTER_IDS = 65_536;

/**
 * Rules by the blocks that they name. Of several that say something of one identity the first deny counts, and where
 * none denies the first of all.
 *
 * A thousand rules of a thousand identities are a million pairs: what was said of whom stands in an array that is used
 * for one block after the other, not in a map for each.
 */
export function gather(rules: readonly ResolvedRule[]): readonly Column[] {
  const byBlock = new Map<number, { readonly block: L4Block; readonly rules: ResolvedRule[] }>();
  for (const rule of rules) {
    for (const block of rule.blocks) {
      const key = blockKey(block);
      const known = byBlock.get(key);
      if (known === undefined) byBlock.set(key, { block, rules: [rule] });
      else if (known.rules.at(-1) !== rule) known.rules.push(rule);
    }
  }
  const pairs = rules.reduce((sum, { peers, blocks }) => sum + (peers?.length ?? 0) * blocks.length, 0);
  const places = pairs < FEW ? new Map<number, number>() : new PlaceArray();
  return [...byBlock.values()].map(({ block, rules: those }) => columnOf(block, those, places));
}

/** Pairs of rule and identity for which an array of all identities does not pay. */
const FEW = 4096;

/** The place in a column that an identity has. */
interface Places {
  get(id: number): number | undefined;
  set(id: number, place: number): unknown;
  delete(id: number): unknown;
}

function columnOf(block: L4Block, resolved: readonly ResolvedRule[], places: Places): Column {
  const ids: number[] = [];
  const rules: number[] = [];
  const denies: boolean[] = [];
  for (const { rule, deny, peers } of resolved) {
    for (const id of peers ?? []) {
      const place = places.get(id);
      if (place === undefined) {
        places.set(id, ids.length);
        ids.push(id);
        rules.push(rule);
        denies.push(deny);
      } else if (deny && !denies[place]!) {
        rules[place] = rule;
        denies[place] = true;
      }
    }
  }
  for (const id of ids) places.delete(id);
  return { block, ids, rules, denies };
}

/** Those of the cluster stand at their own number, the few others in a map. */
class PlaceArray implements Places {
  /** One more than the place; 0: none. */
  readonly #array = new Uint32Array(CLUSTER_IDS);
  readonly #others = new Map<number, number>();

  get(id: number): number | undefined {
    if (id >= CLUSTER_IDS) return this.#others.get(id);
    const place = this.#array[id]!;
    return place === 0 ? undefined : place - 1;
  }

  set(id: number, place: number): void {
    if (id >= CLUSTER_IDS) this.#others.set(id, place);
    else this.#array[id] = place + 1;
  }

  delete(id: number): void {
    if (id >= CLUSTER_IDS) this.#others.delete(id);
    else this.#array[id] = 0;
  }
}
