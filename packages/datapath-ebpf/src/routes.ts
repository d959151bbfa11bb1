import { RESERVED_IDENTITIES, type RoutePlan } from "@netloom/core";
import { ofFamily } from "@netloom/core/backend";
import {
  addRoute,
  BatchError,
  deleteRoute,
  replaceRoute,
  type Route,
  type RouteOptions,
  type Rtnl,
} from "@netloom/netlink";
import { kernel } from "./errors.ts";
import { OVERLAY_DEVICE } from "./overlay.ts";

/** Marks the routes that are ours to change and to remove (`/etc/iproute2/rt_protos` leaves the number free). */
export const ROUTE_PROTOCOL = 110;

export interface RoutesOptions {
  readonly plan: RoutePlan;
  /** The node's own addresses among its pods: what it sends to pods bears them. */
  readonly routers: readonly string[];
  /** Interface index. */
  readonly uplink: number;
}

/**
 * Brings the node's routes to the pods of other nodes to what the plan says. Writes only differences. A route of somebody
 * else to one of these prefixes, as good as ours, stays, and a direct one of ours is left out for it.
 */
export function applyRoutes(rtnl: Rtnl, options: RoutesOptions): void {
  kernel("set the routes to other nodes", () => {
    const found = rtnl.routes.list({ family: 4, protocol: ROUTE_PROTOCOL }).filter(isToNode);
    const ours = new Map(found.map((route) => [route.to, route]));
    const overlay = options.plan.overlay === undefined ? undefined : rtnl.links.get(OVERLAY_DEVICE).index;
    const wanted = [...direct(options), ...tunnelled(options, overlay)];
    const kept = new Set(wanted.map(({ to }) => to));
    const gone = found.filter(({ to }) => !kept.has(to));
    const changed = wanted.filter((route) => !isAlready(route, ours.get(route.to)));
    try {
      rtnl.batch([
        // What is not there is added, not replaced: what is there then is somebody else's.
        ...changed.map((route) =>
          ours.has(route.to) || route.encap !== undefined ? replaceRoute(route) : addRoute(route),
        ),
        ...gone.map((route) => deleteRoute(route)),
      ]);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      const refusal = error.failures.find((failure) => failure.error.code !== "ERR_EXISTS");
      if (refusal !== undefined) throw refusal.error;
    }
  });
}

/** Takes the direct ones away; the others go with the tunnel's device. */
export function removeRoutes(rtnl: Rtnl): void {
  for (const route of rtnl.routes.list({ family: 4, protocol: ROUTE_PROTOCOL })) {
    if (isToNode(route) && route.encap === undefined) rtnl.routes.delete(route);
  }
}

function direct({ plan, routers, uplink }: RoutesOptions): readonly (RouteOptions & { device: number })[] {
  return plan.routes
    .filter(({ prefix }) => !prefix.includes(":"))
    .map(({ prefix, via }) => ({
      to: prefix,
      via,
      device: uplink,
      protocol: ROUTE_PROTOCOL,
      source: ofFamily(routers, 4),
    }));
}

function tunnelled(
  { plan, routers }: RoutesOptions,
  device: number | undefined,
): readonly (RouteOptions & { device: number })[] {
  if (device === undefined) return [];
  return plan.tunnels
    .filter(({ prefix }) => !prefix.includes(":"))
    .map(({ prefix, endpoint }) => ({
      to: prefix,
      device,
      protocol: ROUTE_PROTOCOL,
      source: ofFamily(routers, 4),
      encap: { id: RESERVED_IDENTITIES["remote-node"], to: endpoint },
    }));
}

/** Of ours those to other nodes: those to this node's pods are their interfaces'. */
function isToNode({ protocol, encap, via }: Route): boolean {
  return protocol === ROUTE_PROTOCOL && (encap !== undefined || via !== undefined);
}

function isAlready(wanted: RouteOptions & { device: number }, there: Route | undefined): boolean {
  return (
    there !== undefined &&
    there.device === wanted.device &&
    there.via === wanted.via &&
    there.source === wanted.source &&
    there.mtu === undefined &&
    there.encap?.to === wanted.encap?.to &&
    there.encap?.id === wanted.encap?.id
  );
}
