import type { ThrottleBucket } from "@netloom/ipam-cloud";

/** What one bucket allows, whatever else happens. */
export interface Floor {
  readonly bucket: string;
  readonly requests: number;
  /** Until it has let all of them through. */
  readonly seconds: number;
}

/**
 * A bucket that is full at first lets n requests through in (n − capacity) ÷ refill seconds; one that is full again at each
 * whole minute in ⌈n ÷ capacity⌉ − 1 minutes.
 *
 * @param nodes - by which requests are spread, where each node has a bucket of its own
 */
export function floorsOf(
  buckets: readonly ThrottleBucket[],
  calls: Readonly<Record<string, number>>,
  nodes: number,
): readonly Floor[] {
  return buckets
    .map((bucket): Floor => {
      const all = bucket.actions.reduce((sum, action) => sum + (calls[action] ?? 0), 0);
      const requests = bucket.per === "node" ? Math.ceil(all / nodes) : all;
      return { bucket: bucket.name, requests, seconds: secondsOf(bucket, requests) };
    })
    .filter(({ requests }) => requests > 0)
    .toSorted((a, b) => b.seconds - a.seconds || b.requests - a.requests);
}

function secondsOf({ capacity, perSecond, refill }: ThrottleBucket, requests: number): number {
  if (refill === "each-minute") return 60 * (Math.ceil(requests / capacity) - 1);
  return Math.max(0, (requests - capacity) / perSecond);
}
