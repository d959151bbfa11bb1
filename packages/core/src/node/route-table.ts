import { parseAddress } from "../address/index.ts";
import type { NodeInterface } from "../ports/routing.ts";

/**
 * The number of the routing table of an IPv4 interface: that of its own address. So it is nobody else's, the same after a
 * restart, and beyond the numbers that people and other programs use.
 *
 * @throws `ERR_ADDRESS_INVALID`.
 */
export function routeTableOf({ address }: Pick<NodeInterface, "address">): number {
  return parseAddress(address).w3;
}
