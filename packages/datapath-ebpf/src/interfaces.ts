import type { NodeInterface, RoutePlan } from "@netloom/core";
import { routeTableOf } from "@netloom/core/backend";
import {
  addRule,
  BatchError,
  deleteAddress,
  deleteRoute,
  deleteRule,
  MAIN_TABLE,
  replaceAddress,
  replaceRoute,
  type Address,
  type Link,
  type Request,
  type Route,
  type Rtnl,
  type Rule,
} from "@netloom/netlink";
import { kernel } from "./errors.ts";
import type { Pins, Place } from "./pins.ts";
import type { Programs } from "./programs.ts";
import { ROUTE_PROTOCOL } from "./routes.ts";

/** Of the rule for what bears an interface's own address: right before that of the main table. */
const RULE_PRIORITY = 32_765;

/** What begins the places of interfaces, and no name of a pod's device. */
const PLACE = "link-";

/** An interface that pods' addresses belong to, and its device. */
interface Served extends NodeInterface {
  readonly device: number;
  readonly table: number;
  /** Then it has its address, its program, and routes beside ours. */
  readonly isUplink: boolean;
}

export interface InterfacesOptions {
  readonly rtnl: Rtnl;
  readonly pins: Pins;
  readonly programs: Programs;
  /** Interface index. */
  readonly uplink: number;
}

/** What of all this is in the kernel and ours. */
interface Found {
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/**
 * Brings the interfaces of a plan into service, as far as they have a device by now: each is up, has its own address, a
 * table with the one way to its gateway, and the program that takes in what is for pods. What is there for others goes.
 * Writes only differences.
 *
 * @returns the index of the device of each, by its MAC
 */
export async function applyInterfaces(
  { interfaces = [] }: RoutePlan,
  { rtnl, pins, programs, uplink }: InterfacesOptions,
): Promise<ReadonlyMap<string, number>> {
  const served = kernel("set up the interfaces of pods", () => {
    const links = rtnl.links.list();
    const found = interfaces.flatMap((one) => locate(one, links, uplink));
    for (const { device, isUplink } of found) if (!isUplink) rtnl.links.set(device, { up: true });
    send(rtnl, differences(rtnl, found));
    return found;
  });
  const own = served.filter(({ isUplink }) => !isUplink);
  for (const { mac, device } of own) await programs.attach(placeOf(mac), device, "from-netdev");
  const places = new Set(own.map(({ mac }) => placeOf(mac)));
  for (const { place, hook } of pins.links()) {
    if (place.startsWith(PLACE) && !places.has(place)) pins.removeLink(place, hook);
  }
  return new Map(served.map(({ mac, device }) => [mac, device]));
}

/** Takes away what {@link applyInterfaces} has made, but for programs, which go with their pins. Devices stay as they are. */
export function removeInterfaces(rtnl: Rtnl): void {
  send(rtnl, differences(rtnl, []));
}

/** What is ours, and ways to subnets beside it, each thing by its name, and how it is. */
export function interfaceInventory(rtnl: Rtnl): readonly (readonly [name: string, state: string])[] {
  const { addresses, routes, rules } = findOurs(rtnl);
  const subnets = waysToSubnets(rtnl, new Set(routes.map(({ device }) => device)));
  return [
    ...subnets.map(({ to, device }) => [`route ${to} device ${device}`, ""] as const),
    ...addresses.map(({ address, device }) => [`address ${address}`, `at device ${device}`] as const),
    ...routes.map(
      ({ to, table, device, via }) => [`route ${to} table ${table}`, `${device} ${via}`] as const,
    ),
    ...rules.map(({ from, table, priority }) => [`rule from ${from}`, `${priority} table ${table}`] as const),
  ];
}

function placeOf(mac: string): Place {
  return `${PLACE}${mac.replaceAll(":", "")}`;
}

/** The device itself comes before those that are made on top of it and have its MAC. */
function locate(one: NodeInterface, links: readonly Link[], uplink: number): readonly Served[] {
  const [link] = links.filter(({ mac }) => mac === one.mac).sort((a, b) => a.index - b.index);
  if (link === undefined) return [];
  return [{ ...one, device: link.index, table: routeTableOf(one), isUplink: link.index === uplink }];
}

function findOurs(rtnl: Rtnl): Found {
  return {
    addresses: rtnl.addresses.list({ family: 4 }).filter(({ protocol }) => protocol === ROUTE_PROTOCOL),
    routes: rtnl.routes
      .list({ family: 4, table: "all", protocol: ROUTE_PROTOCOL })
      .filter(({ table }) => table !== MAIN_TABLE),
    rules: rtnl.rules.list({ family: 4 }).filter(({ protocol }) => protocol === ROUTE_PROTOCOL),
  };
}

function differences(rtnl: Rtnl, served: readonly Served[]): readonly Request[] {
  const { addresses, routes, rules } = findOurs(rtnl);
  const all = rtnl.addresses.list({ family: 4 });
  const requests: Request[] = [];
  for (const { address, gateway, device, table } of served) {
    const host = `${address}/32`;
    // Somebody else's, of whatever length, serves as well.
    if (!all.some((there) => there.device === device && there.address.startsWith(`${address}/`)))
      requests.push(replaceAddress({ device, address: host, protocol: ROUTE_PROTOCOL }));
    const route = routes.find((there) => there.table === table);
    if (route?.device !== device || route.via !== gateway)
      requests.push(replaceRoute({ ...wayTo(gateway), device, table, protocol: ROUTE_PROTOCOL }));
    if (!rules.some((there) => there.from === host && there.table === table))
      requests.push(addRule({ from: host, table, priority: RULE_PRIORITY, protocol: ROUTE_PROTOCOL }));
  }
  const devices = new Set<number | undefined>(
    served.filter(({ isUplink }) => !isUplink).map(({ device }) => device),
  );
  const tables = new Set<number | undefined>(served.map(({ table }) => table));
  const isServed = ({ device, address }: Address): boolean =>
    served.some((one) => one.device === device && address === `${one.address}/32`);
  return [
    ...requests,
    ...waysToSubnets(rtnl, devices).map((route) => deleteRoute(route)),
    ...rules.filter(({ table }) => !tables.has(table)).map((rule) => deleteRule(rule)),
    ...routes.filter(({ table }) => !tables.has(table)).map((route) => deleteRoute(route)),
    ...addresses.filter((address) => !isServed(address)).map((address) => deleteAddress(address)),
  ];
}

/** What the kernel makes of a device's addresses: by these the node's own address would leave, and be dropped by the network. */
function waysToSubnets(rtnl: Rtnl, devices: ReadonlySet<number | undefined>): readonly Route[] {
  return rtnl.routes.list({ family: 4, protocol: "kernel" }).filter(({ device }) => devices.has(device));
}

/** On link, whatever addresses say: the interface has no subnet. */
function wayTo(gateway: string): { readonly to: string; readonly via: string; readonly onlink: true } {
  return { to: "0.0.0.0/0", via: gateway, onlink: true };
}

function send(rtnl: Rtnl, requests: readonly Request[]): void {
  try {
    rtnl.batch(requests);
  } catch (error) {
    throw error instanceof BatchError ? (error.failures[0]?.error ?? error) : error;
  }
}
