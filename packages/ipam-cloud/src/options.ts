import { NetloomError } from "@netloom/core";
import type { CloudAction } from "./planning.ts";
import type { CloudPolicyOptions } from "./policy.ts";
import type { CloudNode, CloudPool, CloudProvider, NodeLimits } from "./provider.ts";

/** Which instance a node is; its name comes from the agent. */
export type CloudInstance = Omit<CloudNode, "name">;

export interface CloudIpamOptions {
  readonly provider: CloudProvider;
  /** The instance this node is, or how to find out. */
  readonly instance: CloudInstance | (() => Promise<CloudInstance>);
  /** How much is kept warm. @defaultValue Cilium's watermarks, 8 addresses free */
  readonly policy?: CloudPolicyOptions;
  /** Which pools may be used for new interfaces and more addresses. @defaultValue all */
  readonly pools?: (pool: CloudPool) => boolean;
  /** Of new interfaces. @defaultValue those of the first */
  readonly securityGroups?: readonly string[];
  /** What the instance may have, in place of what the cloud says. */
  readonly limits?: NodeLimits;
  readonly times?: Partial<CloudIpamTimes>;
}

/** In milliseconds. */
export interface CloudIpamTimes {
  /** How long a burst of allocations that wait is gathered. @defaultValue 20 */
  readonly coalesce: number;
  /** The same where nobody waits. @defaultValue 1000 */
  readonly lull: number;
  /** The same while half of what is kept warm is still there. @defaultValue 15000 */
  readonly ease: number;
  /** How long an allocation waits for the cloud. @defaultValue 60000 */
  readonly patience: number;
  /** When what the cloud refused is asked for again. @defaultValue 60000 */
  readonly retryAfter: number;
  /** How often the node is read although nothing has happened. @defaultValue 300000 */
  readonly refreshAfter: number;
  /** When an interface that is attaching is looked at again. @defaultValue 5000 */
  readonly attachTime: number;
  /** How far a read may be behind an answer. @defaultValue 15000 */
  readonly visibilityLag: number;
}

export interface CloudEvents {
  /** A request went to the cloud. */
  "request:sent": [action: string];
  "action:done": [action: CloudAction];
  /**
   * Somebody has taken from the node what these pods use, or it is not seen: they keep it, and nobody is given an address of
   * it until the cloud shows it again.
   */
  "range:lost": [range: string, owners: readonly string[]];
  /** Something failed, and will be tried again or done another way. */
  "action:failed": [error: NetloomError];
}

const DEFAULTS: CloudIpamTimes = {
  coalesce: 20,
  lull: 1000,
  ease: 15_000,
  patience: 60_000,
  retryAfter: 60_000,
  refreshAfter: 300_000,
  attachTime: 5000,
  visibilityLag: 15_000,
};

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function cloudTimes(times: Partial<CloudIpamTimes> = {}): CloudIpamTimes {
  for (const [name, value] of Object.entries(times)) {
    if (typeof value === "number" && value >= 0) continue;
    throw new NetloomError("ERR_OPTIONS_INVALID", `option times.${name} ${String(value)} is not acceptable`, {
      input: value,
      remedy: "write milliseconds",
      backend: "cloud",
    });
  }
  return { ...DEFAULTS, ...times };
}
