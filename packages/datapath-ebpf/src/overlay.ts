import { RESERVED_IDENTITIES, type RoutePlan } from "@netloom/core";
import { ofFamily } from "@netloom/core/backend";
import { isNetlinkError, replaceRoute, type Link, type Rtnl } from "@netloom/netlink";
import { kernel } from "./errors.ts";

/** The tunnel device: one for all nodes, told with each packet where to send it. */
export const OVERLAY_DEVICE = "netloom_vxlan";

/** Marks the routes that are ours to remove (`/etc/iproute2/rt_protos` leaves the number free). */
export const ROUTE_PROTOCOL = 110;

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
export function ensureOverlay(rtnl: Rtnl, plan: RoutePlan, routers: readonly string[]): Overlay {
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
    setRouters(rtnl, routers);
    return { link: rtnl.links.get(OVERLAY_DEVICE), made };
  });
}

/** The node's own addresses in its pod CIDRs live on the tunnel device: what it sends to remote pods bears them. */
function setRouters(rtnl: Rtnl, routers: readonly string[]): void {
  const wanted = routers.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
  for (const there of rtnl.addresses.list({ device: OVERLAY_DEVICE })) {
    if (there.scope === "universe" && !wanted.includes(there.address)) rtnl.addresses.delete(there);
  }
  for (const address of wanted) rtnl.addresses.replace({ device: OVERLAY_DEVICE, address });
}

/** Brings the node's routes to the pods of other nodes to what the plan says. */
export function applyRoutes(rtnl: Rtnl, plan: RoutePlan, routers: readonly string[]): void {
  const source = ofFamily(routers, 4);
  const wanted = plan.overlay === undefined ? [] : plan.tunnels.filter(({ prefix }) => !prefix.includes(":"));
  kernel("set the routes to other nodes", () => {
    rtnl.batch(
      wanted.map(({ prefix, endpoint }) =>
        replaceRoute({
          to: prefix,
          device: OVERLAY_DEVICE,
          protocol: ROUTE_PROTOCOL,
          source,
          encap: { id: RESERVED_IDENTITIES["remote-node"], to: endpoint },
        }),
      ),
    );
    const kept = new Set(wanted.map(({ prefix }) => prefix));
    for (const route of rtnl.routes.list({ family: 4, protocol: ROUTE_PROTOCOL })) {
      if (route.encap !== undefined && !kept.has(route.to)) rtnl.routes.delete(route);
    }
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
