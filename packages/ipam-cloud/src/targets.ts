import type { PoolChange, PoolCounts } from "./watermarks.ts";

/** The AWS VPC CNI's targets, under its names spelled out. */
export interface Targets {
  /** Addresses kept free (`WARM_IP_TARGET`). With this or `minimumAddresses` the other two only round. */
  readonly warmAddresses?: number;
  /** Addresses a node has at least (`MINIMUM_IP_TARGET`). */
  readonly minimumAddresses?: number;
  /** Whole blocks kept free (`WARM_PREFIX_TARGET`). @defaultValue 1, where there are blocks */
  readonly warmBlocks?: number;
  /** Whole interfaces kept free (`WARM_ENI_TARGET`). @defaultValue 1, where there are no blocks */
  readonly warmInterfaces?: number;
  /** No growth once the node has so many (max-pods). @defaultValue no end */
  readonly maxAddresses?: number;
}

/** How an interface and a block of the family count. */
export interface TargetSizes {
  /** Addresses of a block; 1 where the pool gives single addresses. */
  readonly block: number;
  /** Single addresses an interface can have for pods. */
  readonly interface: number;
  /** Blocks of which nothing is used. */
  readonly idleBlocks: number;
  /** Single addresses that nobody uses: what is left of a time without whole blocks. */
  readonly idleSingles: number;
}

export function byTargets(counts: PoolCounts, targets: Targets, sizes: TargetSizes): PoolChange {
  const { available, used } = counts;
  const free = available - used;
  const { short, excess } = unbounded(available, free, targets, sizes);
  const { maxAddresses = Infinity } = targets;
  // Whoever waits is behind the stop rule only as far as the pool is full.
  return { short: available >= maxAddresses ? 0 : short, excess: short > 0 ? 0 : excess };
}

function unbounded(total: number, free: number, targets: Targets, sizes: TargetSizes): PoolChange {
  const { warmAddresses, minimumAddresses } = targets;
  if (warmAddresses !== undefined || minimumAddresses !== undefined) {
    const [warm, minimum] = [warmAddresses ?? 0, minimumAddresses ?? 0];
    const over = Math.max(0, Math.min(free - warm, total - minimum));
    return {
      short: Math.max(warm - free, minimum - total, 0),
      excess: sizes.block > 1 ? idleOf(over, Infinity, sizes) : over,
    };
  }
  if (sizes.block > 1) return byBlocks(free, targets.warmBlocks ?? 1, sizes);
  return byInterfaces(free, targets.warmInterfaces ?? 1, sizes.interface);
}

/** What may go of so many addresses: whole blocks, as many as are said, and single addresses beside them. */
function idleOf(over: number, blocks: number, { block, idleBlocks, idleSingles }: TargetSizes): number {
  const whole = Math.max(0, Math.min(idleBlocks, blocks)) * block;
  return Math.max(0, Math.min(over, whole + idleSingles));
}

function byBlocks(free: number, target: number, sizes: TargetSizes): PoolChange {
  const { block, idleBlocks } = sizes;
  if (free < block * target) {
    const waiting = Math.max(0, Math.ceil(-free / block));
    return { short: block * (waiting + Math.max(1, target - idleBlocks)), excess: 0 };
  }
  const over = free - block * target;
  return { short: 0, excess: idleOf(over, Math.floor(over / block), sizes) };
}

function byInterfaces(free: number, target: number, size: number): PoolChange {
  if (free < size * target) return { short: Math.ceil((size * target - free) / size) * size, excess: 0 };
  return { short: 0, excess: Math.max(0, Math.floor(free / size) - target) * size };
}
