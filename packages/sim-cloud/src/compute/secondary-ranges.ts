import { parseCidr } from "@netloom/core";
import type { CloudPool } from "@netloom/ipam-cloud";
import { Refusal } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import type { Wish } from "../cloud/world.ts";

/** The tag `netloom:secondary-range:pods` says which CIDR of a pool is the subnetwork's secondary range `pods`. */
const TAG = "netloom:secondary-range:";

export interface SecondaryRange {
  readonly name: string;
  readonly cidr: string;
}

/** An alias range that an interface is to have, of a secondary range where one is named. */
export interface AliasWish extends Wish {
  readonly range?: string;
}

export function secondaryRanges({ tags }: CloudPool): readonly SecondaryRange[] {
  return Object.entries(tags)
    .filter(([tag]) => tag.startsWith(TAG))
    .map(([tag, cidr]) => ({ name: tag.slice(TAG.length), cidr }));
}

/** The IPv4 CIDR that has no name. */
export function primaryRange(pool: CloudPool): string {
  const named = new Set(secondaryRanges(pool).map(({ cidr }) => cidr));
  return pool.cidrs.find((cidr) => !cidr.includes(":") && !named.has(cidr))!;
}

/** In which secondary range an alias range is; `undefined` for the primary one. */
export function rangeOf(pool: CloudPool, cidr: string): string | undefined {
  const wanted = parseCidr(cidr);
  return secondaryRanges(pool).find((range) => parseCidr(range.cidr).containsCidr(wanted))?.name;
}

/**
 * Wishes by name of a range as wishes for what is free in it: the network itself knows no names.
 *
 * @throws Refusal `invalid` where there is no such range, `pool-addresses` or `pool-blocks` where it is used up.
 */
export function chosen(sim: SimCloud, id: string, wishes: readonly AliasWish[]): readonly Wish[] {
  const { pool: poolId } = sim.world.interface(id);
  const pool = sim.network.describe(poolId);
  if (secondaryRanges(pool).length === 0 && wishes.every(({ range }) => range === undefined)) return wishes;
  const held: string[] = [];
  try {
    return wishes.map(({ range, ...wish }) => {
      if (wish.cidr !== undefined) return wish;
      const cidr = hold(sim, poolId, cidrOf(pool, range), wish.prefix);
      held.push(cidr);
      return { ...wish, cidr };
    });
  } finally {
    // They are taken in earnest, with all the others or not at all.
    sim.network.release(poolId, held);
  }
}

function cidrOf(pool: CloudPool, range: string | undefined): string {
  if (range === undefined) return primaryRange(pool);
  const found = secondaryRanges(pool).find(({ name }) => name === range);
  if (found === undefined) throw new Refusal("invalid", range, `${pool.id} has no secondary range ${range}`);
  return found.cidr;
}

/** The first that is free. */
function hold({ network }: SimCloud, pool: string, range: string, prefix: number): string {
  const whole = parseCidr(range);
  const count = prefix < whole.prefix ? 0 : whole.subnetCount(prefix);
  for (let index = 0; index < count; index++) {
    const cidr = whole.subnet(prefix, index).toString();
    try {
      network.takeExactly(pool, [cidr]);
      return cidr;
    } catch (error) {
      if (!(error instanceof Refusal) || error.reason !== "address-taken") throw error;
    }
  }
  throw new Refusal(
    prefix === 32 ? "pool-addresses" : "pool-blocks",
    pool,
    `${range} has no free /${prefix}`,
  );
}
