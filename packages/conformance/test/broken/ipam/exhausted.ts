import {
  isNetloomError,
  type AllocateOptions,
  type Ipam,
  type Lease,
  type NetloomError,
} from "@netloom/core";

/** A lease, or what becomes of it where there is none. */
export async function onExhausted(
  inner: Ipam,
  owner: string,
  options: AllocateOptions,
  otherwise: (error: NetloomError) => Lease | Promise<Lease>,
): Promise<Lease> {
  try {
    return await inner.allocate(owner, options);
  } catch (error) {
    if (!isNetloomError(error, "ERR_IPAM_EXHAUSTED")) throw error;
    return otherwise(error);
  }
}
