import type { Family, NetloomError, Runtime } from "@netloom/core";
import type { Journal } from "./journal.ts";
import type { NodeRecord } from "./node-record.ts";
import type { CloudAction } from "./planning.ts";
import type { PodRanges } from "./pod-ranges.ts";
import type { CloudPolicy } from "./policy.ts";
import type { CloudNode, CloudPool, CloudProvider, NodeLimits } from "./provider.ts";
import type { Throttles } from "./throttle.ts";

export interface NodeCloudOptions {
  readonly provider: CloudProvider;
  readonly node: CloudNode;
  readonly families: readonly Family[];
  readonly policy: CloudPolicy;
  readonly journal: Journal;
  readonly record: NodeRecord;
  readonly ranges: PodRanges;
  readonly throttles: Throttles;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly securityGroups: readonly string[] | undefined;
  readonly limits: NodeLimits | undefined;
  readonly usable: (pool: CloudPool) => boolean;
  /** Milliseconds; see `CloudIpamTimes`. */
  readonly ease: number;
  readonly retryAfter: number;
  readonly refreshAfter: number;
  readonly attachTime: number;
  readonly visibilityLag: number;
  /** Allocations that wait now. */
  readonly waiting: () => Readonly<Partial<Record<Family, number>>>;
  /** The node has other ranges. */
  readonly changed: () => void;
  /** Pods use a range that the cloud does not show any more. */
  readonly lost: (range: string) => void;
  readonly asked: (action: string) => void;
  readonly done: (action: CloudAction) => void;
  /** @param passes - it is tried again, or nobody waits for it */
  readonly failed: (error: NetloomError, passes: boolean) => void;
}
