import type { RoutePlan } from "@netloom/core";
import { isNetlinkError, type Link, type Rtnl } from "@netloom/netlink";
import { kernel } from "./errors.ts";

/** The tunnel device: one for all nodes, told with each packet where to send it. */
export const OVERLAY_DEVICE = "netloom_vxlan";

export interface Overlay {
  /** `undefined`: the plan has none. */
  readonly link: Link | undefined;
  /** It is new: nothing is attached to it. */
  readonly made: boolean;
}

/**
 * Makes the tunnel device, or adopts the one that is there.
 *
 * It has no neighbours to ask for: programs and routes say where each packet goes.
 */
export function ensureOverlay(rtnl: Rtnl, plan: RoutePlan): Overlay {
  const { overlay } = plan;
  const found = rtnl.links.find(OVERLAY_DEVICE);
  const fits = found?.vxlan?.external === true && found.vxlan.port === overlay?.port;
  if (found !== undefined && !fits)
    kernel("remove the old tunnel device", () => rtnl.links.delete(found.index));
  if (overlay === undefined) return { link: undefined, made: false };
  return kernel("set up the tunnel device", () => {
    const made = !fits;
    if (made) {
      rtnl.links.create({
        kind: "vxlan",
        name: OVERLAY_DEVICE,
        external: true,
        port: overlay.port,
        learning: false,
        mtu: overlay.mtu,
        arp: false,
        alias: "netloom",
      });
    }
    rtnl.links.set(OVERLAY_DEVICE, { up: true, mtu: overlay.mtu });
    return { link: rtnl.links.get(OVERLAY_DEVICE), made };
  });
}

/** Takes the device away, and with it its routes. */
export function removeOverlay(rtnl: Rtnl): void {
  try {
    rtnl.links.delete(OVERLAY_DEVICE);
  } catch (error) {
    if (!isNetlinkError(error, "ERR_NOT_FOUND")) throw error;
  }
}
