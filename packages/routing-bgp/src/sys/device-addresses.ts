import { Rtnl } from "@netloom/netlink";

/**
 * Addresses of a device that others may use: none of a link's own, none that is not sure yet. Empty where there is no such
 * device.
 */
export function deviceAddresses(device: string, netns?: string): readonly string[] {
  const rtnl = Rtnl.open(netns === undefined ? {} : { netns });
  try {
    if (!rtnl.links.list().some(({ name }) => name === device)) return [];
    return rtnl.addresses
      .list({ device })
      .filter(({ scope, tentative }) => scope === "universe" && !tentative)
      .map(({ address }) => address.split("/")[0]!);
  } finally {
    rtnl.close();
  }
}
