import { ofFamily } from "@netloom/core/backend";
import { isNetlinkError, readSysctl, writeSysctl, type Link } from "@netloom/netlink";
import { kernel } from "./errors.ts";
import type { NodeNetwork } from "./node.ts";

/** The node's own place among its pods: has the addresses that it has in its pod CIDRs. No packet passes through it. */
export const HOST_DEVICE = "netloom_host";

/** Its other end: a veth pair, for that is what every node has that has pods. */
const OTHER_END = "netloom_net";

const FORWARDING = `net/ipv4/conf/${HOST_DEVICE}/forwarding`;

/**
 * Makes the device, or completes what is there.
 *
 * It may forward, whatever the node's other devices may: the programs ask for routes as if packets came in by it, and the
 * kernel answers only for a device that forwards.
 */
export function ensureHostDevice({ rtnl, netns }: NodeNetwork, routers: readonly string[]): Link {
  return kernel("set up the node's own device", () => {
    if (rtnl.links.find(HOST_DEVICE) === undefined) {
      const peer = { name: OTHER_END, up: true, arp: false, alias: "netloom" };
      rtnl.links.create({ kind: "veth", name: HOST_DEVICE, arp: false, alias: "netloom", peer });
      disableIpv6(netns, OTHER_END);
      if (ofFamily(routers, 6) === undefined) disableIpv6(netns, HOST_DEVICE);
    }
    rtnl.links.set(HOST_DEVICE, { up: true });
    if (forwards(netns) !== true) writeSysctl(netns, FORWARDING, 1);
    const wanted = routers.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
    for (const there of rtnl.addresses.list({ device: HOST_DEVICE })) {
      if (there.scope === "universe" && !wanted.includes(there.address)) rtnl.addresses.delete(there);
    }
    for (const address of wanted) rtnl.addresses.replace({ device: HOST_DEVICE, address });
    return rtnl.links.get(HOST_DEVICE);
  });
}

/** May it forward? `undefined`: it is not there. */
export function forwards(netns: NodeNetwork["netns"]): boolean | undefined {
  try {
    return readSysctl(netns, FORWARDING) === "1";
  } catch (error) {
    if (isNetlinkError(error, "ERR_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** A node that speaks IPv6 to a device would announce itself on it. */
export function disableIpv6(netns: NodeNetwork["netns"], device: string): void {
  try {
    writeSysctl(netns, `net/ipv6/conf/${device}/disable_ipv6`, 1);
  } catch (error) {
    // A kernel without IPv6 has it disabled well enough.
    if (!isNetlinkError(error, "ERR_NOT_FOUND")) throw error;
  }
}

/** Takes the device away, and with it its addresses. */
export function removeHostDevice({ rtnl }: NodeNetwork): void {
  try {
    rtnl.links.delete(HOST_DEVICE);
  } catch (error) {
    if (!isNetlinkError(error, "ERR_NOT_FOUND")) throw error;
  }
}
