/**
 * rtnetlink for Node.js: links, addresses, routes, rules, neighbours and network namespaces.
 *
 * @example
 * import { Netns, Rtnl } from "@netloom/netlink";
 *
 * using pod = Netns.createAnonymous();
 * using host = Rtnl.open();
 * host.links.create({ kind: "veth", name: "pod0", up: true, peer: { name: "eth0", netns: pod, up: true } });
 * using inside = Rtnl.open({ netns: pod });
 * inside.addresses.add({ device: "eth0", address: "10.1.0.2/32" });
 * host.routes.add({ to: "10.1.0.2/32", device: "pod0" });
 *
 * @packageDocumentation
 */

export { Rtnl, type RtnlOptions } from "./rtnl.ts";

export { Netns } from "./netns.ts";
export type { ExecOptions, ExecResult } from "./exec.ts";
export { listenTcp, type ListenTcpOptions } from "./listen.ts";
export { readSysctl, writeSysctl } from "./sysctl.ts";

export { BatchError, type BatchFailure } from "./batch-error.ts";
export { isNetlinkError, NetlinkError, type NetlinkErrorCode, type NetlinkErrorDetails } from "./errors.ts";

export { type Links, deleteLink, setLink } from "./links.ts";
export type {
  BridgeOptions,
  BridgeSettings,
  CreateLinkOptions,
  DeviceRef,
  Link,
  LinkChanges,
  LinkOptions,
  ListLinksOptions,
  OperationalState,
  PlainLinkOptions,
  VethOptions,
  VethPeerOptions,
  VxlanOptions,
  VxlanSettings,
} from "./model/link.ts";

export { type Addresses, type AddressKey, addAddress, deleteAddress, replaceAddress } from "./addresses.ts";
export type { Address, AddressOptions, ListAddressesOptions, Scope } from "./model/address.ts";

export { addRoute, deleteRoute, replaceRoute, type Routes } from "./routes.ts";
export {
  type DeleteRouteOptions,
  type Encap,
  type EncapOptions,
  type ListRoutesOptions,
  LOCAL_TABLE,
  type LookupRouteOptions,
  MAIN_TABLE,
  type Nexthop,
  type NexthopOptions,
  type Route,
  type RouteOptions,
  type RouteProtocol,
  type RouteProtocolName,
  type RouteType,
  type RouteTypeName,
} from "./model/route.ts";

export { addRule, deleteRule, type Rules } from "./rules.ts";
export type { ListRulesOptions, Range, Rule, RuleAction, RuleActionName, RuleOptions } from "./model/rule.ts";

export { addNeighbour, deleteNeighbour, type Neighbours, replaceNeighbour } from "./neighbours.ts";
export { addFdbEntry, appendFdbEntry, deleteFdbEntry, type Fdb, replaceFdbEntry } from "./fdb.ts";
export type {
  FdbEntry,
  FdbEntryOptions,
  FdbState,
  ListFdbOptions,
  ListNeighboursOptions,
  Neighbour,
  NeighbourKey,
  NeighbourOptions,
  NeighbourState,
  NeighbourStateName,
} from "./model/neighbour.ts";

export type { EventGroup, RtnlEvent } from "./events.ts";
export type { SubscribeOptions, Subscription } from "./subscription.ts";
export type { AsyncOptions, Request } from "./request.ts";
export type { Body, FdOwner, Hole } from "./wire/writer.ts";
export type { IpFamily } from "./text/ip.ts";
