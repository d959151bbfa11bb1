import { invalid } from "../errors.ts";
import type {
  BridgeSettings,
  CreateLinkOptions,
  DeviceRef,
  Link,
  LinkChanges,
  ListLinksOptions,
  OperationalState,
  VxlanSettings,
} from "../model/link.ts";
import { deviceName, integer } from "../text/check.ts";
import { parseMac } from "../text/mac.ts";
import { decodeBridge, decodeVxlan, IFLA_INFO, writeLinkInfo } from "./link-kinds.ts";
import { AttributeCursor, expectHeader, type MessageCursor } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import { NameTable } from "./names.ts";
import type { MessageWriter } from "./writer.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

/** Attributes of linux/if_link.h. */
const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKINFO: 18,
  IFALIAS: 20,
  GROUP: 27,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  LINK_NETNSID: 37,
  GSO_MAX_SEGS: 40,
  GSO_MAX_SIZE: 41,
  GRO_MAX_SIZE: 58,
} as const;

const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_NOARP = 0x80;
const IFF_PROMISC = 0x100;
const IFF_LOWER_UP = 0x1_0000;

/** Leaves out the per-family counters, a good part of a link message. */
const RTEXT_FILTER_SKIP_STATS = 8;

/** struct ifinfomsg. */
const IFINFOMSG_LENGTH = 16;

const states = new NameTable<OperationalState>("operational state", {
  unknown: 0,
  "not-present": 1,
  down: 2,
  "lower-layer-down": 3,
  testing: 4,
  dormant: 5,
  up: 6,
});

/**
 * Everything about a new device that the kernel takes in one message; the alias is not (see
 * `Links.create`).
 */
export function writeCreateLink(writer: MessageWriter, op: string, options: CreateLinkOptions): void {
  const index =
    options.index === undefined ? 0 : integer(op, "an interface index", options.index, 1, 0x7fff_ffff);
  writeHeader(writer, index, options);
  writer.attributeText(IFLA.IFNAME, deviceName(op, options.name));
  writeCommon(writer, op, options);
  writer.attribute(IFLA.LINKINFO, () => {
    writeLinkInfo(writer, op, options, (peer) => {
      writeHeader(writer, 0, {});
      writer.attributeText(IFLA.IFNAME, deviceName(op, peer.name));
      writeCommon(writer, op, peer);
      if (peer.netns !== undefined) writer.attributeFd(IFLA.NET_NS_FD, peer.netns);
    });
  });
}

export function writeLinkChanges(
  writer: MessageWriter,
  op: string,
  device: DeviceRef,
  changes: LinkChanges,
): void {
  writeHeader(writer, device, changes, op);
  if (changes.name !== undefined) writer.attributeText(IFLA.IFNAME, deviceName(op, changes.name));
  writeCommon(writer, op, changes);
  if (changes.alias !== undefined) writer.attributeBytes(IFLA.IFALIAS, aliasBytes(op, changes.alias));
  if (changes.netns !== undefined) writer.attributeFd(IFLA.NET_NS_FD, changes.netns);
}

export function writeDeleteLink(writer: MessageWriter, op: string, device: DeviceRef): void {
  writeHeader(writer, device, {}, op);
}

export function writeGetLink(writer: MessageWriter, op: string, device: DeviceRef): void {
  writeHeader(writer, device, {}, op);
  writer.attributeU32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

export function writeListLinks(writer: MessageWriter, op: string, { master }: ListLinksOptions): void {
  writeHeader(writer, 0, {});
  writer.attributeU32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (master !== undefined) writer.attributeDevice(IFLA.MASTER, op, master);
}

interface LinkFlags {
  readonly up?: boolean;
  readonly arp?: boolean;
  readonly promiscuous?: boolean;
}

function writeHeader(writer: MessageWriter, device: DeviceRef, wanted: LinkFlags, op = ""): void {
  let flags = 0;
  let change = 0;
  const want = (bit: number, on: boolean | undefined): void => {
    if (on === undefined) return;
    change |= bit;
    if (on) flags |= bit;
  };
  want(IFF_UP, wanted.up);
  want(IFF_NOARP, wanted.arp === undefined ? undefined : !wanted.arp);
  want(IFF_PROMISC, wanted.promiscuous);
  writer.u8(0).u8(0).u16(0);
  if (device === 0) writer.u32(0);
  else writer.device(op, device);
  writer.u32(flags).u32(change);
}

interface CommonOptions {
  readonly mtu?: number;
  readonly mac?: string;
  readonly master?: DeviceRef | null;
  readonly txQueueLength?: number;
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  readonly groMaxSize?: number;
  readonly group?: number;
}

function writeCommon(writer: MessageWriter, op: string, options: CommonOptions): void {
  const u32 = (type: number, what: string, value: number | undefined): void => {
    if (value !== undefined) writer.attributeU32(type, integer(op, what, value));
  };
  if (options.mac !== undefined) writer.attributeBytes(IFLA.ADDRESS, parseMac(op, options.mac));
  u32(IFLA.MTU, "an mtu", options.mtu);
  u32(IFLA.TXQLEN, "a queue length", options.txQueueLength);
  u32(IFLA.GSO_MAX_SIZE, "a size", options.gsoMaxSize);
  u32(IFLA.GSO_MAX_SEGS, "a number of segments", options.gsoMaxSegments);
  u32(IFLA.GRO_MAX_SIZE, "a size", options.groMaxSize);
  u32(IFLA.GROUP, "a group", options.group);
  if (options.master === null) writer.attributeU32(IFLA.MASTER, 0);
  else if (options.master !== undefined) writer.attributeDevice(IFLA.MASTER, op, options.master);
}

function aliasBytes(op: string, alias: string): Buffer {
  const bytes = Buffer.from(alias);
  if (bytes.length > 255) throw invalid(op, alias, "an alias of at most 255 bytes");
  return bytes;
}

/**
 * Reads RTM_NEWLINK and RTM_DELLINK. Undefined for messages of another family: a bridge announces its ports
 * as AF_BRIDGE links, and such an RTM_DELLINK means that a port left, not that a device is gone.
 */
export function decodeLink(message: MessageCursor): Link | undefined {
  expectHeader(message, IFINFOMSG_LENGTH);
  const { buffer, start } = message;
  if (buffer[start] !== 0) return undefined;
  const flags = buffer.readUInt32LE(start + 8);
  const found = decodeAttributes(new AttributeCursor(buffer, start + IFINFOMSG_LENGTH, message.end));
  return {
    index: buffer.readInt32LE(start + 4),
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    arp: (flags & IFF_NOARP) === 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    flags,
    ...found,
  };
}

type LinkAttributes = Mutable<Omit<Link, "index" | "up" | "carrier" | "arp" | "loopback" | "flags">>;

function decodeAttributes(attributes: AttributeCursor): LinkAttributes {
  const link: LinkAttributes = {
    name: "",
    kind: undefined,
    state: "unknown",
    mtu: 0,
    mac: undefined,
    master: undefined,
    parent: undefined,
    parentNetnsId: undefined,
    alias: undefined,
    txQueueLength: 0,
    gsoMaxSize: undefined,
    gsoMaxSegments: undefined,
    groMaxSize: undefined,
    group: 0,
    vxlan: undefined,
    bridge: undefined,
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case IFLA.IFNAME:
        link.name = attributes.text();
        break;
      case IFLA.ADDRESS:
        link.mac = attributes.mac();
        break;
      case IFLA.MTU:
        link.mtu = attributes.u32();
        break;
      case IFLA.LINK:
        link.parent = attributes.u32() || undefined;
        break;
      case IFLA.LINK_NETNSID:
        link.parentNetnsId = attributes.u32();
        break;
      case IFLA.MASTER:
        link.master = attributes.u32();
        break;
      case IFLA.TXQLEN:
        link.txQueueLength = attributes.u32();
        break;
      case IFLA.OPERSTATE:
        link.state = states.decode(attributes.u8());
        break;
      case IFLA.IFALIAS:
        link.alias = attributes.text();
        break;
      case IFLA.GROUP:
        link.group = attributes.u32();
        break;
      case IFLA.GSO_MAX_SEGS:
        link.gsoMaxSegments = attributes.u32();
        break;
      case IFLA.GSO_MAX_SIZE:
        link.gsoMaxSize = attributes.u32();
        break;
      case IFLA.GRO_MAX_SIZE:
        link.groMaxSize = attributes.u32();
        break;
      case IFLA.LINKINFO:
        Object.assign(link, decodeLinkInfo(attributes.nested()));
        break;
      default:
        break;
    }
  }
  return link;
}

interface LinkInfo {
  kind: string | undefined;
  vxlan: VxlanSettings | undefined;
  bridge: BridgeSettings | undefined;
}

/** The kernel writes the kind before the data that depends on it. */
function decodeLinkInfo(attributes: AttributeCursor): LinkInfo {
  const info: LinkInfo = { kind: undefined, vxlan: undefined, bridge: undefined };
  while (attributes.next()) {
    if (attributes.type === IFLA_INFO.KIND) info.kind = attributes.text();
    else if (attributes.type !== IFLA_INFO.DATA) continue;
    else if (info.kind === "vxlan") info.vxlan = decodeVxlan(attributes.nested());
    else if (info.kind === "bridge") info.bridge = decodeBridge(attributes.nested());
  }
  return info;
}
