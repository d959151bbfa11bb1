import { parseCidr } from "@netloom/core";
import type { CloudInterface, CloudPool } from "@netloom/ipam-cloud";
import { CLUSTER_TAG, INTENT_TAG, stateOf, type SimInterface } from "./records.ts";

export interface ShapeOptions {
  /** Whose mark interfaces bear. @defaultValue "default" */
  readonly cluster?: string;
}

/** An interface in the provider's words. */
export function interfaceOf(
  one: SimInterface,
  pool: CloudPool,
  cluster: string,
  monotonic: number,
): CloudInterface {
  const state = stateOf(one, monotonic);
  const intent = one.tags[INTENT_TAG];
  const ipv4 = pool.cidrs.find((cidr) => !cidr.includes(":"));
  return {
    id: one.id,
    ...(state === "detached" ? {} : { index: one.attachment!.index }),
    mac: one.mac,
    pool: one.pool,
    primary: one.primary,
    managed: one.tags[CLUSTER_TAG] === cluster,
    state,
    addresses: one.addresses.map(({ cidr, role }) => ({ cidr, role, ready: true })),
    ...(ipv4 === undefined ? {} : { gateway: parseCidr(ipv4).first.offset(1).toString() }),
    securityGroups: one.securityGroups,
    deleteWithInstance: one.attachment?.deleteWithInstance ?? false,
    ...(intent === undefined ? {} : { intent }),
  };
}
