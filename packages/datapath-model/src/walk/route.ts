import { DropReason } from "@netloom/core/backend";
import { ETHERNET_HEADER } from "./packet.ts";
import { Drop } from "./verdict.ts";
import type { Walk } from "./walk.ts";

/**
 * Asks the node's routes where a packet that goes out as it is goes next.
 *
 * @throws Drop where there is no route, or none that is wide enough.
 */
export function findNextHop({ node, packet, goes }: Walk): number {
  const nextHop = node.routes.nextHop(goes.destination);
  if (nextHop === undefined) throw new Drop(DropReason.DROP_NO_ROUTE);
  if (packet.length - ETHERNET_HEADER > node.mtu) throw new Drop(DropReason.DROP_FRAG_NEEDED);
  return nextHop;
}
