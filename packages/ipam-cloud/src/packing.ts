import { cidrAround, parseCidr, type Family } from "@netloom/core";
import { familyOf, sizeOfPrefix } from "./inventory.ts";
import type { CloudPool } from "./provider.ts";

/** The cloud has said no: not to be asked for the same before `until` (milliseconds since 1970). */
export interface Setback {
  readonly what:
    | "pool-addresses"
    | "pool-blocks"
    | "interface-slots"
    | "node-interfaces"
    | "quota"
    /** Permission, credentials, or a request that makes no sense. */
    | "refused"
    /** Requests about the pool fail, which may pass. */
    | "pool-failing"
    /** Growth or shrinking failed for something that passes. */
    | "paused";
  /**
   * Of the pool or interface; what the action does, of those that are refused; `growth` or `shrinking`, of those that are
   * paused. Nothing where it concerns the whole node.
   */
  readonly id?: string;
  readonly until: number;
}

/** What a plan may still take from a pool. Unknown is without end: the cloud will say. */
export class PoolBudget {
  readonly pool: CloudPool;
  readonly #addresses = new Map<Family, number>();
  readonly #blocks = new Map<Family, number>();

  constructor(pool: CloudPool, setbacks: readonly Setback[]) {
    this.pool = pool;
    const refused = (what: Setback["what"]): boolean =>
      setbacks.some((one) => one.what === what && one.id === pool.id);
    for (const family of [4, 6] as const) {
      const has = pool.cidrs.some((cidr) => familyOf(cidr) === family);
      const gives = has && !refused("pool-addresses") && !refused("pool-failing");
      const addresses = gives ? (pool.freeAddresses?.[family] ?? Infinity) : 0;
      this.#addresses.set(family, addresses);
      const blocks = addresses > 0 && !refused("pool-blocks") ? (pool.freeBlocks?.[family] ?? Infinity) : 0;
      this.#blocks.set(family, blocks);
    }
  }

  /** How many addresses or blocks of this length there are. */
  free(family: Family, prefix: number): number {
    const size = sizeOfPrefix(family, prefix);
    const addresses = this.#addresses.get(family)!;
    return size === 1 ? addresses : Math.min(this.#blocks.get(family)!, Math.floor(addresses / size));
  }

  take(family: Family, prefix: number, count: number): void {
    const size = sizeOfPrefix(family, prefix);
    this.#addresses.set(family, Math.max(0, this.#addresses.get(family)! - count * size));
    if (size > 1) this.#blocks.set(family, Math.max(0, this.#blocks.get(family)! - count));
  }

  /** Whole blocks, as far as the cloud says. */
  blocks(family: Family): number {
    return this.#blocks.get(family)!;
  }
}

/**
 * The pool for a new interface: one with the node's routes first; then one that has all that is wanted. Blocks come from
 * where most are left, and single addresses from where fewest are, so that pools with whole blocks keep them.
 *
 * @param near - the pool of the node's first interface
 */
export function choosePool(
  budgets: readonly PoolBudget[],
  want: { readonly family: Family; readonly prefix: number; readonly count: number },
  near: CloudPool | undefined,
  zone: string | undefined,
): PoolBudget | undefined {
  const { family, prefix, count } = want;
  const single = sizeOfPrefix(family, prefix) === 1;
  // The interface's own IPv4 address comes from the pool, too.
  const own = single && family === 4 ? 1 : 0;
  const rank = (budget: PoolBudget): readonly number[] => {
    const { pool } = budget;
    const free = budget.free(family, prefix);
    return [
      pool.routeDomain === near?.routeDomain ? 0 : 1,
      free >= count + own ? 0 : 1,
      finite(single ? budget.blocks(family) : -free),
      pool.id === near?.id ? 0 : 1,
      finite(-free),
    ];
  };
  return budgets
    .filter(({ pool }) => zone === undefined || pool.zone === undefined || pool.zone === zone)
    .filter((budget) => budget.free(family, prefix) > own)
    .filter((budget) => family === 4 || !takesIpv4(budget.pool) || budget.free(4, 32) > 0)
    .toSorted((a, b) => compare(rank(a), rank(b)) || (a.pool.id < b.pool.id ? -1 : 1))[0];
}

/**
 * In which order single addresses go back: those that stand alone in their aligned block first, so that the pool has whole
 * blocks again the sooner.
 *
 * @param all - what the node has
 * @param prefix - of the pool's blocks, where it has any
 */
export function releaseOrder(
  idle: readonly string[],
  all: readonly string[],
  prefix: number | undefined,
): readonly string[] {
  if (prefix === undefined) return idle;
  const around = (cidr: string): string => {
    const { first, prefix: own } = parseCidr(cidr);
    return cidrAround(first, Math.min(prefix, own)).toString();
  };
  const neighbours = new Map<string, number>();
  for (const cidr of all) neighbours.set(around(cidr), (neighbours.get(around(cidr)) ?? 0) + 1);
  return idle.toSorted((a, b) => neighbours.get(around(a))! - neighbours.get(around(b))!);
}

function takesIpv4(pool: CloudPool): boolean {
  return pool.cidrs.some((cidr) => familyOf(cidr) === 4);
}

/** Infinities compare, but do not subtract. */
function finite(value: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) if (value !== b[index]) return value - b[index]!;
  return 0;
}
