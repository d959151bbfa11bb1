import type { NetworkManagementClient } from "@azure/arm-network";
import { formatCidr, parseCidr } from "@netloom/core";
import type { CloudCall, CloudPool } from "@netloom/ipam-cloud";
import { ask } from "./gate.ts";
import { parseSubnet } from "./resource-id.ts";

/** A subnet as a pool. How many addresses of it are free, Azure does not say. */
export async function subnetOf(
  id: string,
  network: NetworkManagementClient,
  call: CloudCall,
): Promise<CloudPool> {
  const { group, networkName, name, network: networkId } = parseSubnet(id);
  const subnet = await ask(call, () =>
    network.subnets.get(group, networkName, name, { abortSignal: call.signal }),
  );
  const { addressPrefix, addressPrefixes } = subnet;
  const prefixes = addressPrefixes ?? (addressPrefix === undefined ? [] : [addressPrefix]);
  return {
    id,
    cidrs: prefixes.map((prefix) => formatCidr(parseCidr(prefix))),
    tags: {},
    routeDomain: (subnet.routeTable?.id ?? networkId).toLowerCase(),
  };
}
