import { isNetloomError, NetloomError } from "@netloom/core";
import { exhausted, remedyFor } from "./faults.ts";
import type { Shortage } from "./planning.ts";
import type { CloudPool } from "./provider.ts";

/** There is no address now, and may be one when the cloud has given another. */
export function mayComeTrue(error: unknown): boolean {
  return isNetloomError(error) && error.retryable && /^ERR_IPAM_(EXHAUSTED|NO_RANGE)$/.test(error.code);
}

/** What the start of a node waits for. */
export function shortOf(
  { family, why, id }: Shortage,
  pools: readonly CloudPool[],
  backend: string,
): NetloomError {
  const message = `the node gets no IPv${family} address: ${exhausted(why, id, pools)}`;
  return new NetloomError("ERR_POOL_EXHAUSTED", message, {
    input: why,
    remedy: remedyFor(why),
    backend,
    retryable: true,
  });
}

export function asNetloomError(error: unknown, backend: string): NetloomError {
  if (isNetloomError(error)) return error;
  return new NetloomError("ERR_CLOUD_UNAVAILABLE", "a round with the cloud failed", {
    backend,
    cause: error,
  });
}
