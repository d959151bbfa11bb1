/** What a node has of one family, in addresses. */
export interface PoolCounts {
  /** Available: all that the node has for pods, used or not. */
  readonly available: number;
  readonly used: number;
}

/** What should change: some are short, or some are in excess. */
export interface PoolChange {
  /** Addresses to get. */
  readonly short: number;
  /** Addresses to get with them where that takes no request more. @defaultValue 0 */
  readonly spare?: number;
  /** Addresses that may go. */
  readonly excess: number;
}

/** Cilium's names, and its arithmetic. */
export interface Watermarks {
  /** Addresses kept free. @defaultValue 8 */
  readonly preAllocate: number;
  /** Addresses a node has at least, used or not. @defaultValue 0 */
  readonly minAllocate: number;
  /** Addresses a node has at most; a block that is begun counts as one more. @defaultValue what the instance can have */
  readonly maxAllocate: number;
  /** Taken in addition whenever some must be taken, where that takes no request more: so it must be done less often. @defaultValue 0 */
  readonly maxAboveWatermark: number;
}

/** Addresses needed to be back at the watermarks: Cilium's `calculateNeededIPs`. */
export function needed({ available, used }: PoolCounts, marks: Watermarks): number {
  const { preAllocate, minAllocate, maxAllocate } = marks;
  const wanted = Math.max(preAllocate - (available - used), minAllocate - available, 0);
  return Math.max(0, Math.min(wanted, maxAllocate - available));
}

/** Addresses above the watermarks: Cilium's `calculateExcessIPs`. */
export function excess({ available, used }: PoolCounts, marks: Watermarks): number {
  const { preAllocate, minAllocate, maxAboveWatermark } = marks;
  const floor = minAllocate + maxAboveWatermark;
  if (used <= floor) {
    if (available <= floor) return 0;
    if (used + preAllocate <= floor) return available - floor;
  }
  return Math.max(0, available - used - preAllocate - maxAboveWatermark);
}

/**
 * Both at once, for a plan. Who waits counts as used already: that is Cilium's surge for pending pods, and no second round is
 * needed for the free ones. As there, what is above the watermark is taken only where some are needed anyway.
 */
export function byWatermarks(counts: PoolCounts, marks: Watermarks): PoolChange {
  const short = needed(counts, marks);
  if (short === 0) return { short, spare: 0, excess: excess(counts, marks) };
  const most = Math.max(0, marks.maxAllocate - counts.available - short);
  return { short, spare: Math.min(marks.maxAboveWatermark, most), excess: 0 };
}
