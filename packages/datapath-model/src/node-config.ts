import { parseAddress, type DatapathContext, type RoutePlan } from "@netloom/core";
import { configDefaults, ofFamily, routeTableOf, type Config } from "@netloom/core/backend";
import type { NextHop } from "./next-hop.ts";
import { FIRST_INTERFACE_IFINDEX, HOST_IFINDEX, OVERLAY_IFINDEX, UPLINK_IFINDEX } from "./fabric/devices.ts";

/** The constants of the programs, as the kernel's loader sets them. */
export function configOf(context: DatapathContext, masquerade: boolean): Config {
  return {
    ...configDefaults,
    nodeIpv4: ipv4Of(context.addresses),
    routerIpv4: ipv4Of(context.routers),
    uplinkIfindex: UPLINK_IFINDEX,
    hostIfindex: HOST_IFINDEX,
    worldIdentity: context.worldIdentity,
    masquerade: Number(masquerade),
    allowLocalHost: Number(context.allowLocalHost),
    ...overlayOf(context.plan),
  };
}

/** The part of them that follows from the plan. */
export function overlayOf({ overlay }: RoutePlan): Partial<Config> {
  return overlay === undefined
    ? { overlayIfindex: 0 }
    : { overlayIfindex: OVERLAY_IFINDEX, overlayPort: overlay.port };
}

/** The tables of the interfaces that pods' addresses belong to. */
export function tablesOf({ interfaces = [] }: RoutePlan): ReadonlyMap<number, NextHop> {
  return new Map(
    interfaces.map((one, index) => [
      routeTableOf(one),
      { ifindex: FIRST_INTERFACE_IFINDEX + index, address: parseAddress(one.gateway).w3 },
    ]),
  );
}

/** As the number that a big-endian field holds. */
function ipv4Of(addresses: readonly string[]): number {
  const address = ofFamily(addresses, 4);
  return address === undefined ? 0 : parseAddress(address).w3;
}
