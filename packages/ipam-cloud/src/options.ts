import type { AbortOptions, NetloomError } from "@netloom/core";
import { checkNames, checkText, checkTime, invalid } from "./option-checks.ts";
import type { CloudAction } from "./planning.ts";
import type { CloudPolicyOptions } from "./policy.ts";
import { checkInstance, checkLimits, checkProvider } from "./provider-checks.ts";
import type { CloudNode, CloudPool, CloudProvider, NodeLimits } from "./provider.ts";

/** Which instance a node is; its name comes from the agent. */
export type CloudInstance = Omit<CloudNode, "name">;

export interface CloudIpamOptions {
  readonly provider: CloudProvider;
  /** The instance this node is, or how to find out: called off when the start is, or the IPAM is stopped. */
  readonly instance: CloudInstance | ((options: AbortOptions) => Promise<CloudInstance>);
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

/** In whole milliseconds, up to 2³¹ − 1. */
export interface CloudIpamTimes {
  /** How long a burst of allocations that wait is gathered. @defaultValue 20 */
  readonly coalesce: number;
  /** The same where nobody waits. @defaultValue 1000 */
  readonly lull: number;
  /** The same while half of what is kept warm is still there. @defaultValue 15000 */
  readonly ease: number;
  /** How long an allocation waits for the cloud. @defaultValue 60000 */
  readonly patience: number;
  /** When what the cloud refused is asked for again. 100 or more. @defaultValue 60000 */
  readonly retryAfter: number;
  /** How often the node is read although nothing has happened. 100 or more. @defaultValue 300000 */
  readonly refreshAfter: number;
  /** When an interface that is attaching is looked at again. 100 or more. @defaultValue 5000 */
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

/** Times below which a node would do little else. */
const LEAST: Partial<CloudIpamTimes> = { retryAfter: 100, refreshAfter: 100, attachTime: 100 };

const NAMES = ["provider", "instance", "policy", "pools", "securityGroups", "limits", "times"];

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkOptions(options: CloudIpamOptions): void {
  checkNames("", options, NAMES);
  const { provider, instance, pools, securityGroups, limits } = options;
  checkProvider(provider);
  if (typeof instance !== "function") checkInstance(instance);
  if (pools !== undefined && typeof pools !== "function")
    throw invalid("pools", pools, 'write a function: (pool) => pool.tags.pods === "yes"');
  if (securityGroups !== undefined) {
    if (!Array.isArray(securityGroups) || securityGroups.length === 0)
      throw invalid("securityGroups", securityGroups, "list their ids, or leave it out");
    for (const group of securityGroups) checkText("securityGroups", group);
  }
  if (limits !== undefined) checkLimits(limits);
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function cloudTimes(times: Partial<CloudIpamTimes> = {}): CloudIpamTimes {
  checkNames("times", times, Object.keys(DEFAULTS));
  const all: CloudIpamTimes = { ...DEFAULTS, ...defined(times) };
  for (const [name, value] of Object.entries(all))
    checkTime(`times.${name}`, value, LEAST[name as keyof CloudIpamTimes] ?? 0);
  return all;
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkOperatorOptions(options: {
  readonly provider: unknown;
  readonly interval?: unknown;
}): void {
  checkNames("", options, ["provider", "interval"]);
  const { provider, interval } = options;
  checkProvider(provider);
  if (interval !== undefined) checkTime("interval", interval, 100);
}

/** What is `undefined` is left out. */
function defined<T extends object>(some: T): T {
  return Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as T;
}
