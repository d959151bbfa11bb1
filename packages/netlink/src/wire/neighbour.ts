import { invalid } from "../errors.ts";
import type { DeviceRef } from "../model/link.ts";
import type {
  FdbEntry,
  FdbEntryOptions,
  FdbState,
  Neighbour,
  NeighbourKey,
  NeighbourOptions,
  NeighbourStateName,
} from "../model/neighbour.ts";
import { integer } from "../text/check.ts";
import { type IpFamily, parseIp } from "../text/ip.ts";
import { parseMac } from "../text/mac.ts";
import { AF_BRIDGE, familyNumber, ipFamily } from "./family.ts";
import { AttributeCursor, expectHeader, type MessageCursor } from "./message.ts";
import { NameTable } from "./names.ts";
import type { MessageWriter } from "./writer.ts";

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

/** Attributes of linux/neighbour.h. */
const NDA = { DST: 1, LLADDR: 2, VLAN: 5, PORT: 6, VNI: 7, IFINDEX: 8, MASTER: 9 } as const;

const NTF_SELF = 0x02;
const NTF_MASTER = 0x04;
const NTF_PROXY = 0x08;
const NTF_EXT_LEARNED = 0x10;
const NTF_ROUTER = 0x80;

/** struct ndmsg. */
const NDMSG_LENGTH = 12;

const states: NameTable<NeighbourStateName> = new NameTable("neighbour state", {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
});

/**
 * In a forwarding database the NUD_* bits mean something else, and come in pairs; these are what `bridge
 * fdb` sends.
 */
const FDB_STATES: Readonly<Record<FdbState, number>> = {
  permanent: 0xc0,
  static: 0x42,
  dynamic: 0x02,
  stale: 0x04,
};

interface NeighbourHeader {
  readonly family: number;
  readonly device?: DeviceRef;
  readonly state?: number;
  readonly flags?: number;
}

function writeHeader(writer: MessageWriter, op: string, header: NeighbourHeader): void {
  writer.u8(header.family).u8(0).u16(0);
  if (header.device === undefined) writer.u32(0);
  else writer.device(op, header.device);
  writer
    .u16(states.encode(op, header.state ?? "none"))
    .u8(header.flags ?? 0)
    .u8(0);
}

export function writeNeighbour(writer: MessageWriter, op: string, options: NeighbourOptions): void {
  const { family, bytes } = parseIp(op, options.address);
  const { device, state = "permanent", proxy = false, router = false, external = false } = options;
  const flags = (proxy ? NTF_PROXY : 0) | (router ? NTF_ROUTER : 0) | (external ? NTF_EXT_LEARNED : 0);
  writeHeader(writer, op, {
    family: familyNumber(op, family),
    device,
    state: states.encode(op, state),
    flags,
  });
  writer.attributeBytes(NDA.DST, bytes);
  if (options.mac !== undefined) writer.attributeBytes(NDA.LLADDR, parseMac(op, options.mac));
}

export function writeNeighbourKey(writer: MessageWriter, op: string, key: NeighbourKey): void {
  const { family, bytes } = parseIp(op, key.address);
  const flags = key.proxy === true ? NTF_PROXY : 0;
  writeHeader(writer, op, { family: familyNumber(op, family), device: key.device, flags });
  writer.attributeBytes(NDA.DST, bytes);
}

export interface NeighbourFilter {
  readonly device?: DeviceRef | undefined;
  readonly proxy?: boolean | undefined;
}

export function writeListNeighbours(
  writer: MessageWriter,
  op: string,
  family: IpFamily,
  { device, proxy = false }: NeighbourFilter,
): void {
  writeHeader(writer, op, { family: familyNumber(op, family), flags: proxy ? NTF_PROXY : 0 });
  if (device !== undefined) writer.attributeDevice(NDA.IFINDEX, op, device);
}

export function writeFdbEntry(writer: MessageWriter, op: string, options: FdbEntryOptions): void {
  const { device, table = "self", external = false } = options;
  const { state = table === "self" ? "permanent" : "static" } = options;
  const flags = (table === "self" ? NTF_SELF : NTF_MASTER) | (external ? NTF_EXT_LEARNED : 0);
  const bits: number | undefined = FDB_STATES[state];
  if (bits === undefined) throw invalid(op, state, `a state (${Object.keys(FDB_STATES).join(", ")})`);
  writeHeader(writer, op, { family: AF_BRIDGE, device, state: bits, flags });
  writer.attributeBytes(NDA.LLADDR, parseMac(op, options.mac));
  if (options.remote !== undefined) writer.attributeBytes(NDA.DST, parseIp(op, options.remote).bytes);
  if (options.vlan !== undefined) {
    const vlan = integer(op, "a vlan", options.vlan, 1, 4094);
    writer.attribute(NDA.VLAN, () => writer.u16(vlan));
  }
  if (options.port !== undefined)
    writer.attributeU16be(NDA.PORT, integer(op, "a UDP port", options.port, 1, 0xffff));
  if (options.vni !== undefined)
    writer.attributeU32(NDA.VNI, integer(op, "a vni", options.vni, 0, 0xff_ffff));
  if (options.via !== undefined) writer.attributeDevice(NDA.IFINDEX, op, options.via);
}

export function writeListFdb(writer: MessageWriter, op: string, device: DeviceRef | undefined): void {
  writeHeader(writer, op, { family: AF_BRIDGE });
  if (device !== undefined) writer.attributeDevice(NDA.IFINDEX, op, device);
}

interface NeighbourAttributes {
  address?: string;
  mac?: string | undefined;
  vni?: number;
  port?: number;
  via?: number;
  vlan?: number;
  master?: number;
}

/** Reads RTM_NEWNEIGH and RTM_DELNEIGH of ARP and neighbour discovery; undefined for other families. */
export function decodeNeighbour(message: MessageCursor): Neighbour | undefined {
  expectHeader(message, NDMSG_LENGTH);
  const { buffer, start } = message;
  const family = ipFamily(buffer[start]);
  if (family === undefined) return undefined;
  const flags = buffer[start + 10] ?? 0;
  const found = decodeAttributes(new AttributeCursor(buffer, start + NDMSG_LENGTH, message.end));
  return {
    family,
    device: buffer.readInt32LE(start + 4),
    address: found.address ?? "",
    mac: found.mac,
    state: states.decode(buffer.readUInt16LE(start + 8)),
    proxy: (flags & NTF_PROXY) !== 0,
    router: (flags & NTF_ROUTER) !== 0,
    external: (flags & NTF_EXT_LEARNED) !== 0,
  };
}

/** Reads RTM_NEWNEIGH and RTM_DELNEIGH of forwarding databases; undefined for other families. */
export function decodeFdbEntry(message: MessageCursor): FdbEntry | undefined {
  expectHeader(message, NDMSG_LENGTH);
  const { buffer, start } = message;
  if (buffer[start] !== AF_BRIDGE) return undefined;
  const flags = buffer[start + 10] ?? 0;
  const found = decodeAttributes(new AttributeCursor(buffer, start + NDMSG_LENGTH, message.end));
  return {
    device: buffer.readInt32LE(start + 4),
    mac: found.mac ?? "",
    remote: found.address,
    vni: found.vni,
    port: found.port,
    via: found.via,
    vlan: found.vlan,
    master: found.master,
    state: fdbState(buffer.readUInt16LE(start + 8)),
    table: (flags & NTF_SELF) !== 0 ? "self" : "master",
    external: (flags & NTF_EXT_LEARNED) !== 0,
  };
}

function fdbState(bits: number): FdbState {
  if ((bits & 0x80) !== 0) return "permanent";
  if ((bits & 0x40) !== 0) return "static";
  return (bits & 0x02) !== 0 ? "dynamic" : "stale";
}

function decodeAttributes(attributes: AttributeCursor): NeighbourAttributes {
  const found: NeighbourAttributes = {};
  while (attributes.next()) {
    switch (attributes.type) {
      case NDA.DST:
        found.address = attributes.ip();
        break;
      case NDA.LLADDR:
        found.mac = attributes.mac();
        break;
      case NDA.VLAN:
        found.vlan = attributes.u16();
        break;
      case NDA.PORT:
        found.port = attributes.u16be();
        break;
      case NDA.VNI:
        found.vni = attributes.u32();
        break;
      case NDA.IFINDEX:
        found.via = attributes.u32();
        break;
      case NDA.MASTER:
        found.master = attributes.u32();
        break;
      default:
        break;
    }
  }
  return found;
}
