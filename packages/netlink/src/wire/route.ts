import { invalid } from "../errors.ts";
import type {
  Encap,
  LookupRouteOptions,
  Nexthop,
  Route,
  RouteOptions,
  RouteProtocol,
  RouteProtocolName,
  RouteTypeName,
} from "../model/route.ts";
import { MAIN_TABLE } from "../model/route.ts";
import { integer } from "../text/check.ts";
import { type IpFamily, type IpPrefix, parseIp, parseNetwork } from "../text/ip.ts";
import { scopes } from "./address.ts";
import { decodeEncap, writeEncap } from "./encap.ts";
import { anyAddress, familyNumber, ipFamily } from "./family.ts";
import { AttributeCursor, expectHeader, type MessageCursor } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import { NameTable } from "./names.ts";
import { decodeNexthops, RTA, RTNH_F, writeGateway, writeNexthops } from "./nexthop.ts";
import type { DeviceRef } from "../model/link.ts";
import type { MessageWriter } from "./writer.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

/** Inside RTA_METRICS. */
const RTAX = { MTU: 2, ADVMSS: 8 } as const;

/** struct rtmsg. */
const RTMSG_LENGTH = 12;
/** The header has one octet for the table; larger numbers go in an attribute. */
const MAX_TABLE_OCTET = 255;
const SCOPE_NOWHERE = 255;
/** Answer a lookup with the table that decided; IPv6 always does, and refuses the flag. */
const RTM_F_LOOKUP_TABLE = 0x1000;

export const protocols: NameTable<RouteProtocolName> = new NameTable("route protocol", {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  zebra: 11,
  bird: 12,
  dhcp: 16,
  keepalived: 18,
  babel: 42,
  openr: 99,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
});

const types: NameTable<RouteTypeName> = new NameTable("route type", {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
});

export function writeRoute(writer: MessageWriter, op: string, options: RouteOptions): void {
  const to = parseNetwork(op, options.to);
  const type = types.encode(op, options.type ?? "unicast");
  const protocol = protocols.encode(op, options.protocol ?? "static");
  const scope =
    options.scope === undefined ? defaultScope(to.family, options) : scopes.encode(op, options.scope);
  writeRouteBody(writer, op, to, options, { type, protocol, scope });
}

/** Protocol and type 0 and scope "nowhere" match any (fib_table_delete, net/ipv4/fib_trie.c). */
export function writeDeleteRoute(writer: MessageWriter, op: string, options: RouteOptions): void {
  const to = parseNetwork(op, options.to);
  const type = options.type === undefined ? 0 : types.encode(op, options.type);
  const protocol = options.protocol === undefined ? 0 : protocols.encode(op, options.protocol);
  const scope =
    options.scope === undefined || to.family === 6 ? SCOPE_NOWHERE : scopes.encode(op, options.scope);
  writeRouteBody(writer, op, to, options, { type, protocol, scope });
}

interface RouteHeader {
  readonly type: number;
  readonly protocol: number;
  readonly scope: number;
}

function writeRouteBody(
  writer: MessageWriter,
  op: string,
  to: IpPrefix,
  options: RouteOptions,
  { type, protocol, scope }: RouteHeader,
): void {
  const table = integer(op, "a routing table", options.table ?? MAIN_TABLE, 1);
  writer.u8(familyNumber(op, to.family)).u8(to.length).u8(0).u8(0);
  writer
    .u8(table <= MAX_TABLE_OCTET ? table : 0)
    .u8(protocol)
    .u8(scope)
    .u8(type);
  writer.u32(options.onlink === true ? RTNH_F.ONLINK : 0);
  if (to.length > 0) writer.attributeBytes(RTA.DST, to.bytes);
  if (table > MAX_TABLE_OCTET) writer.attributeU32(RTA.TABLE, table);
  if (options.metric !== undefined)
    writer.attributeU32(RTA.PRIORITY, integer(op, "a metric", options.metric));
  if (options.source !== undefined)
    writer.attributeBytes(RTA.PREFSRC, sameFamily(op, options.source, to.family));
  if (options.device !== undefined) writer.attributeDevice(RTA.OIF, op, options.device);
  if (options.via !== undefined) writeGateway(writer, op, to.family, options.via);
  if (options.multipath !== undefined) writeNexthops(writer, op, to.family, options.multipath);
  writeMetrics(writer, op, options);
  if (options.encap !== undefined) writeEncap(writer, op, options.encap);
}

function writeMetrics(writer: MessageWriter, op: string, { mtu, advertisedMss }: RouteOptions): void {
  if (mtu === undefined && advertisedMss === undefined) return;
  writer.attribute(RTA.METRICS, () => {
    if (mtu !== undefined) writer.attributeU32(RTAX.MTU, integer(op, "an mtu", mtu));
    if (advertisedMss !== undefined) writer.attributeU32(RTAX.ADVMSS, integer(op, "an mss", advertisedMss));
  });
}

/**
 * As `ip route` chooses: a local destination is on this host, one without gateway on this link. IPv6 has no
 * scopes.
 */
function defaultScope(family: IpFamily, { type, via, multipath }: RouteOptions): number {
  if (family === 6) return 0;
  if (type === "local" || type === "nat") return scopes.encode("", "host");
  if (type === "broadcast" || type === "multicast" || type === "anycast") return scopes.encode("", "link");
  if (type !== undefined && type !== "unicast") return 0;
  const direct =
    via === undefined && (multipath === undefined || multipath.every((hop) => hop.via === undefined));
  return direct ? scopes.encode("", "link") : 0;
}

export interface RouteFilter {
  readonly table?: number | undefined;
  readonly device?: DeviceRef | undefined;
  readonly protocol?: RouteProtocol | undefined;
}

/** The kernel filters by what is named (strict checking, Linux 4.20). */
export function writeListRoutes(
  writer: MessageWriter,
  op: string,
  family: IpFamily,
  filter: RouteFilter,
): void {
  const protocol = filter.protocol === undefined ? 0 : protocols.encode(op, filter.protocol);
  writer.u8(familyNumber(op, family)).u8(0).u8(0).u8(0).u8(0).u8(protocol).u8(0).u8(0).u32(0);
  if (filter.table !== undefined)
    writer.attributeU32(RTA.TABLE, integer(op, "a routing table", filter.table, 1));
  if (filter.device !== undefined) writer.attributeDevice(RTA.OIF, op, filter.device);
}

export function writeLookupRoute(
  writer: MessageWriter,
  op: string,
  to: string,
  options: LookupRouteOptions,
): void {
  const destination = parseIp(op, to);
  const { family, bytes } = destination;
  const source = options.source === undefined ? undefined : sameFamily(op, options.source, family);
  writer
    .u8(familyNumber(op, family))
    .u8(bytes.length * 8)
    .u8(source === undefined ? 0 : source.length * 8)
    .u8(0);
  writer
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u32(family === 4 ? RTM_F_LOOKUP_TABLE : 0);
  writer.attributeBytes(RTA.DST, bytes);
  if (source !== undefined) writer.attributeBytes(RTA.SRC, source);
  if (options.device !== undefined) writer.attributeDevice(RTA.OIF, op, options.device);
  if (options.inputDevice !== undefined) writer.attributeDevice(RTA.IIF, op, options.inputDevice);
  if (options.mark !== undefined) writer.attributeU32(RTA.MARK, integer(op, "a mark", options.mark));
}

function sameFamily(op: string, text: string, family: IpFamily): Buffer {
  const address = parseIp(op, text);
  if (address.family !== family) throw invalid(op, text, `an IPv${family} address`);
  return address.bytes;
}

/**
 * Reads RTM_NEWROUTE and RTM_DELROUTE; undefined when the family is neither IPv4 nor IPv6 (multicast
 * routing, MPLS).
 */
export function decodeRoute(message: MessageCursor): Route | undefined {
  expectHeader(message, RTMSG_LENGTH);
  const { buffer, start } = message;
  const family = ipFamily(buffer[start]);
  if (family === undefined) return undefined;
  const flags = buffer.readUInt32LE(start + 8);
  const attributes = new AttributeCursor(buffer, start + RTMSG_LENGTH, message.end);
  const found = decodeAttributes(attributes, buffer[start + 4] ?? 0);
  const fromLength = buffer[start + 2] ?? 0;
  return {
    family,
    to: `${found.destination ?? anyAddress(family)}/${buffer[start + 1]}`,
    type: types.decode(buffer[start + 7] ?? 0),
    table: found.table,
    protocol: protocols.decode(buffer[start + 5] ?? 0),
    scope: scopes.decode(buffer[start + 6] ?? 0),
    metric: found.metric,
    device: found.device,
    via: found.via,
    source: found.source,
    from: fromLength === 0 ? undefined : `${found.from ?? anyAddress(family)}/${fromLength}`,
    tos: buffer[start + 3] ?? 0,
    onlink: (flags & RTNH_F.ONLINK) !== 0,
    dead: (flags & (RTNH_F.DEAD | RTNH_F.LINKDOWN)) !== 0,
    mtu: found.mtu,
    advertisedMss: found.advertisedMss,
    multipath: found.multipath,
    encap: found.encap,
  };
}

interface RouteAttributes extends Mutable<
  Pick<Route, "table" | "metric" | "device" | "via" | "source" | "mtu" | "advertisedMss">
> {
  destination: string | undefined;
  from: string | undefined;
  multipath: readonly Nexthop[] | undefined;
  encap: Encap | undefined;
}

function decodeAttributes(attributes: AttributeCursor, table: number): RouteAttributes {
  const found: RouteAttributes = {
    destination: undefined,
    from: undefined,
    table,
    metric: undefined,
    device: undefined,
    via: undefined,
    source: undefined,
    mtu: undefined,
    advertisedMss: undefined,
    multipath: undefined,
    encap: undefined,
  };
  // The kind may stand before or after what it says the kind of.
  let kind = 0;
  let encap: AttributeCursor | undefined;
  while (attributes.next()) {
    switch (attributes.type) {
      case RTA.DST:
        found.destination = attributes.ip();
        break;
      case RTA.SRC:
        found.from = attributes.ip();
        break;
      case RTA.TABLE:
        found.table = attributes.u32();
        break;
      case RTA.PRIORITY:
        found.metric = attributes.u32();
        break;
      case RTA.OIF:
        found.device = attributes.u32();
        break;
      case RTA.GATEWAY:
        found.via = attributes.ip();
        break;
      case RTA.VIA:
        found.via = attributes.ip(2);
        break;
      case RTA.PREFSRC:
        found.source = attributes.ip();
        break;
      case RTA.METRICS:
        decodeMetrics(attributes.nested(), found);
        break;
      case RTA.MULTIPATH:
        found.multipath = decodeNexthops(attributes);
        break;
      case RTA.ENCAP_TYPE:
        kind = attributes.u16();
        break;
      case RTA.ENCAP:
        encap = attributes.nested();
        break;
      default:
        break;
    }
  }
  if (encap !== undefined) found.encap = decodeEncap(encap, kind);
  return found;
}

function decodeMetrics(attributes: AttributeCursor, found: RouteAttributes): void {
  while (attributes.next()) {
    if (attributes.type === RTAX.MTU) found.mtu = attributes.u32();
    else if (attributes.type === RTAX.ADVMSS) found.advertisedMss = attributes.u32();
  }
}
