import type { NetworkInterface } from "@azure/arm-network";
import { parseAddress, parseCidr } from "@netloom/core";
import type { CloudAddress, CloudInterface, CloudPool } from "@netloom/ipam-cloud";
import { configurationsOf, primaryOf } from "./configurations.ts";

/** The tag of interfaces and machines whose value names the cluster that may use them. */
const CLUSTER_TAG = "netloom:cluster";

/** What an interface does not say of itself. */
export interface Surroundings {
  /** Of the machine: they count for its interfaces. */
  readonly tags: Readonly<Record<string, string>>;
  readonly cluster: string;
  /** The subnets, where they are known. */
  readonly pools: readonly CloudPool[];
}

/** An interface in a provider's words. */
export function interfaceOf(
  { nic, deleteWithInstance }: { readonly nic: NetworkInterface; readonly deleteWithInstance: boolean },
  index: number,
  { tags, cluster, pools }: Surroundings,
): CloudInterface {
  const mac = nic.macAddress?.toLowerCase().replaceAll("-", ":");
  const group = nic.networkSecurityGroup?.id;
  const pool = poolOf(nic);
  const gateway = gatewayOf(
    nic,
    pools.find(({ id }) => id === pool),
  );
  return {
    id: nic.id!,
    index,
    ...(mac === undefined ? {} : { mac }),
    pool,
    primary: nic.primary === true,
    managed: (nic.tags?.[CLUSTER_TAG] ?? tags[CLUSTER_TAG]) === cluster,
    state: "attached",
    addresses: configurationsOf(nic).map(({ cidr, role, ready }): CloudAddress => ({ cidr, role, ready })),
    ...(gateway === undefined ? {} : { gateway }),
    securityGroups: group === undefined ? [] : [group],
    deleteWithInstance,
  };
}

/**
 * Resource id of the subnet that all of an interface's addresses are of, in small letters: Azure spells one id in several
 * ways.
 */
export function poolOf(nic: NetworkInterface): string {
  return primaryOf(nic)?.subnet?.id?.toLowerCase() ?? "";
}

/** Azure's is always the first address of the subnet's prefix. */
function gatewayOf(nic: NetworkInterface, pool: CloudPool | undefined): string | undefined {
  const own = primaryOf(nic)?.privateIPAddress;
  if (own === undefined) return undefined;
  const prefix = pool?.cidrs.find((cidr) => parseCidr(cidr).contains(parseAddress(own)));
  return prefix === undefined ? undefined : parseCidr(prefix).first.offset(1).toString();
}
