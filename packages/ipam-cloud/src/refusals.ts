import {
  isNetloomError,
  messageOf,
  NetloomError,
  type AllocateOptions,
  type Family,
  type RangeStatus,
} from "@netloom/core";
import { rangeText } from "@netloom/core/backend";
import { exhausted, remedyFor } from "./faults.ts";
import { familyOf } from "./inventory.ts";
import type { Shortage } from "./planning.ts";
import { mostOf, type CloudPolicy } from "./policy.ts";
import type { CloudPool } from "./provider.ts";

/** What is to be known of a node to say why it gets no more. */
export interface Known {
  /** As they were when they were read last. */
  readonly pools: readonly CloudPool[];
  readonly policy: CloudPolicy;
  /** Somebody has said which pools may be used. */
  readonly chooses: boolean;
}

/** Why there is no more, and what can be done about it. */
export interface Why {
  readonly text: string;
  readonly remedy: string;
}

/** There is no address now, and may be one when the cloud has given another. */
export function mayComeTrue(error: unknown): boolean {
  return isNetloomError(error) && error.retryable && /^ERR_IPAM_(EXHAUSTED|NO_RANGE)$/.test(error.code);
}

export function whyShort({ family, why, id }: Shortage, { pools, policy, chooses }: Known): Why {
  if (why === "most") {
    const { option, count } = mostOf(policy);
    return { text: `it has its ${option} of ${count} addresses`, remedy: `raise ${option}` };
  }
  if (pools.length === 0 && /^(pool|interface|node)-/.test(why)) {
    return chooses
      ? { text: "option pools leaves no pool of the cloud's", remedy: "let option pools accept one" }
      : { text: "the cloud has no pool for this node", remedy: "add a subnet that the node may use" };
  }
  const of = id === undefined ? pools : pools.filter((pool) => pool.id === id);
  if (why === "pool-addresses" && of.length > 0 && !of.some((pool) => has(pool, family))) {
    const text = id === undefined ? `no pool has IPv${family}` : `pool ${id} has no IPv${family}`;
    return { text, remedy: `give the subnet an IPv${family} range, or use one that has` };
  }
  return { text: exhausted(why, id, pools), remedy: remedyFor(why) };
}

/** What the start of a node waits for. */
export function shortOf(short: Shortage, known: Known, backend: string): NetloomError {
  const { text, remedy } = whyShort(short, known);
  return new NetloomError("ERR_POOL_EXHAUSTED", `the node gets no IPv${short.family} address: ${text}`, {
    input: short.why,
    remedy,
    backend,
    retryable: true,
  });
}

/** What an allocation is told that waited for nothing. */
export function refusal(
  { families }: AllocateOptions,
  ranges: readonly RangeStatus[],
  why: Why,
  cause: unknown,
  backend: string,
): NetloomError {
  const message = `no free IPv${families.join(" and IPv")} address (${rangeText(ranges)}), and the node gets no more: ${why.text}`;
  return new NetloomError("ERR_IPAM_EXHAUSTED", message, {
    remedy: `delete endpoints, or ${why.remedy}`,
    retryable: true,
    backend,
    cause,
  });
}

export function asNetloomError(error: unknown, backend: string): NetloomError {
  if (isNetloomError(error)) return error;
  return new NetloomError("ERR_CLOUD_UNAVAILABLE", `a round with the cloud failed: ${messageOf(error)}`, {
    backend,
    cause: error,
  });
}

function has({ cidrs }: CloudPool, family: Family): boolean {
  return cidrs.some((cidr) => familyOf(cidr) === family);
}
