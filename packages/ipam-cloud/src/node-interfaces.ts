import type { NodeInterface } from "@netloom/core";
import { ourInterfaces, podAddresses } from "./inventory.ts";
import type { CloudInterface, NodeInventory } from "./provider.ts";

/**
 * What a routing must know of the interfaces of a node beside its first: by which of them each pod leaves. One whose
 * provider does not tell its MAC, its own IPv4 address or its gateway is left out: its pods leave by the uplink, and the
 * cloud may drop what they send.
 */
export function nodeInterfaces(inventory: NodeInventory): readonly NodeInterface[] {
  return ourInterfaces(inventory)
    .filter(({ primary, state }) => !primary && state === "attached")
    .flatMap(nodeInterface);
}

function nodeInterface(one: CloudInterface): readonly NodeInterface[] {
  const { mac, gateway, addresses } = one;
  const own = addresses.find(({ cidr, role }) => role === "primary" && cidr.endsWith("/32"));
  const ranges = podAddresses(one, 4).flatMap(({ cidr, ready }) => (ready ? [cidr] : []));
  if (mac === undefined || gateway === undefined || own === undefined || ranges.length === 0) return [];
  return [{ mac, address: own.cidr.slice(0, -"/32".length), gateway, ranges }];
}
