import { DropReason } from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import { ETHERNET_HEADER } from "./packet.ts";
import { Drop } from "./verdict.ts";
import type { Walk } from "./walk.ts";
import type { NextHop } from "../next-hop.ts";

/**
 * Asks the node's routes, or those of one table.
 *
 * @throws Drop where there is no route, or none that is wide enough.
 */
export function findNextHop({ node, packet, goes }: Walk, table = 0): NextHop {
  const hop = table === 0 ? byUplink(node, goes.destination) : node.tables.get(table);
  if (hop === undefined) throw new Drop(DropReason.DROP_NO_ROUTE);
  if (packet.length - ETHERNET_HEADER > node.mtu) throw new Drop(DropReason.DROP_FRAG_NEEDED);
  return hop;
}

function byUplink({ routes, config }: NodeState, destination: number): NextHop | undefined {
  const address = routes.nextHop(destination);
  return address === undefined ? undefined : { ifindex: config.uplinkIfindex, address };
}
