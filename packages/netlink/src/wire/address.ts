import { invalid } from "../errors.ts";
import type { Address, AddressOptions, Scope } from "../model/address.ts";
import type { DeviceRef } from "../model/link.ts";
import { integer } from "../text/check.ts";
import { type IpFamily, type IpPrefix, parseIp, parsePrefix } from "../text/ip.ts";
import { anyAddress, familyNumber, ipFamily } from "./family.ts";
import { AttributeCursor, expectHeader, type MessageCursor } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import { NameTable } from "./names.ts";
import type { MessageWriter } from "./writer.ts";

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

/** Attributes of linux/if_addr.h. */
const IFA = {
  ADDRESS: 1,
  LOCAL: 2,
  LABEL: 3,
  BROADCAST: 4,
  CACHEINFO: 6,
  FLAGS: 8,
  RT_PRIORITY: 9,
  PROTO: 11,
} as const;

const IFA_F_SECONDARY = 0x01;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NOPREFIXROUTE = 0x200;

/** struct ifaddrmsg. */
const IFADDRMSG_LENGTH = 8;
const FOR_EVER = 0xffff_ffff;

export const scopes: NameTable<Exclude<Scope, number>> = new NameTable("scope", {
  universe: 0,
  site: 200,
  link: 253,
  host: 254,
  nowhere: 255,
});

export function writeAddress(writer: MessageWriter, op: string, options: AddressOptions): void {
  const local = parsePrefix(op, options.address);
  const peer = options.peer === undefined ? undefined : parseIp(op, options.peer);
  if (peer !== undefined && peer.family !== local.family)
    throw invalid(op, options.peer, `of the same family as ${options.address}`);
  writeHeader(writer, op, local, options);
  writer.attributeBytes(IFA.LOCAL, local.bytes);
  writer.attributeBytes(IFA.ADDRESS, (peer ?? local).bytes);
  if (options.broadcast !== undefined) {
    const broadcast = parseIp(op, options.broadcast);
    if (local.family !== 4 || broadcast.family !== 4)
      throw invalid(op, options.broadcast, "an IPv4 broadcast address");
    writer.attributeBytes(IFA.BROADCAST, broadcast.bytes);
  }
  if (options.label !== undefined) writer.attributeText(IFA.LABEL, options.label);
  const flags =
    (options.noPrefixRoute === true ? IFA_F_NOPREFIXROUTE : 0) | (options.noDad === true ? IFA_F_NODAD : 0);
  if (flags !== 0) writer.attributeU32(IFA.FLAGS, flags);
  if (options.metric !== undefined)
    writer.attributeU32(IFA.RT_PRIORITY, integer(op, "a metric", options.metric));
  if (options.protocol !== undefined)
    writer.attributeU8(IFA.PROTO, integer(op, "a protocol number", options.protocol, 0, 255));
  writeLifetimes(writer, op, options);
}

/** Which address, without the rest: the kernel compares the label of a deletion too, if it is given. */
export function writeAddressKey(
  writer: MessageWriter,
  op: string,
  key: Pick<AddressOptions, "device" | "address" | "peer">,
): void {
  const local = parsePrefix(op, key.address);
  writeHeader(writer, op, local, { device: key.device });
  writer.attributeBytes(IFA.LOCAL, local.bytes);
  writer.attributeBytes(IFA.ADDRESS, key.peer === undefined ? local.bytes : parseIp(op, key.peer).bytes);
}

export function writeListAddresses(
  writer: MessageWriter,
  op: string,
  family: IpFamily,
  device?: DeviceRef,
): void {
  writer.u8(familyNumber(op, family)).u8(0).u8(0).u8(0);
  if (device === undefined) writer.u32(0);
  else writer.device(op, device);
}

function writeHeader(
  writer: MessageWriter,
  op: string,
  local: IpPrefix,
  { device, scope }: Pick<AddressOptions, "device" | "scope">,
): void {
  const loopback = local.family === 4 && local.bytes[0] === 127;
  const effective = scope ?? (loopback ? "host" : "universe");
  writer.u8(familyNumber(op, local.family)).u8(local.length).u8(0).u8(scopes.encode(op, effective));
  writer.device(op, device);
}

function writeLifetimes(writer: MessageWriter, op: string, options: AddressOptions): void {
  const { validLifetime: valid, preferredLifetime: preferred } = options;
  if (valid === undefined && preferred === undefined) return;
  const seconds = (value: number | undefined): number =>
    value === undefined ? FOR_EVER : integer(op, "a lifetime in seconds", value, 0, FOR_EVER - 1);
  // struct ifa_cacheinfo: preferred, valid, created, updated. An address is never preferred for longer than
  // it is valid.
  writer.attribute(IFA.CACHEINFO, () => {
    writer
      .u32(Math.min(seconds(preferred), seconds(valid)))
      .u32(seconds(valid))
      .u32(0)
      .u32(0);
  });
}

/** Reads RTM_NEWADDR and RTM_DELADDR; undefined when the family is neither IPv4 nor IPv6. */
export function decodeAddress(message: MessageCursor): Address | undefined {
  expectHeader(message, IFADDRMSG_LENGTH);
  const { buffer, start } = message;
  const family = ipFamily(buffer[start]);
  if (family === undefined) return undefined;
  const attributes = new AttributeCursor(buffer, start + IFADDRMSG_LENGTH, message.end);
  const found = decodeAttributes(attributes, buffer[start + 2] ?? 0);
  // IPv6 sends IFA_LOCAL only for point-to-point addresses; IFA_ADDRESS is then the other end.
  const local = found.local ?? found.address ?? anyAddress(family);
  return {
    family,
    device: buffer.readUInt32LE(start + 4),
    address: `${local}/${buffer[start + 1]}`,
    peer: found.address === local ? undefined : found.address,
    broadcast: found.broadcast,
    label: found.label,
    scope: scopes.decode(buffer[start + 3] ?? 0),
    permanent: (found.flags & IFA_F_PERMANENT) !== 0,
    tentative: (found.flags & IFA_F_TENTATIVE) !== 0,
    dadFailed: (found.flags & IFA_F_DADFAILED) !== 0,
    deprecated: (found.flags & IFA_F_DEPRECATED) !== 0,
    secondary: (found.flags & IFA_F_SECONDARY) !== 0,
    noPrefixRoute: (found.flags & IFA_F_NOPREFIXROUTE) !== 0,
    flags: found.flags,
    validLifetime: found.validLifetime,
    preferredLifetime: found.preferredLifetime,
    metric: found.metric,
    protocol: found.protocol,
  };
}

interface AddressAttributes extends Mutable<
  Pick<
    Address,
    "broadcast" | "label" | "flags" | "validLifetime" | "preferredLifetime" | "metric" | "protocol"
  >
> {
  address: string | undefined;
  local: string | undefined;
}

function decodeAttributes(attributes: AttributeCursor, flags: number): AddressAttributes {
  const found: AddressAttributes = {
    address: undefined,
    local: undefined,
    broadcast: undefined,
    label: undefined,
    flags,
    validLifetime: undefined,
    preferredLifetime: undefined,
    metric: undefined,
    protocol: 0,
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case IFA.ADDRESS:
        found.address = attributes.ip();
        break;
      case IFA.LOCAL:
        found.local = attributes.ip();
        break;
      case IFA.BROADCAST:
        found.broadcast = attributes.ip();
        break;
      case IFA.LABEL:
        found.label = attributes.text();
        break;
      case IFA.FLAGS:
        // Supersedes the octet in the header, which has no room for the newer bits.
        found.flags = attributes.u32();
        break;
      case IFA.RT_PRIORITY:
        found.metric = attributes.u32();
        break;
      case IFA.PROTO:
        found.protocol = attributes.u8();
        break;
      case IFA.CACHEINFO:
        found.preferredLifetime = lifetime(attributes.u32());
        found.validLifetime = lifetime(attributes.u32(4));
        break;
      default:
        break;
    }
  }
  return found;
}

function lifetime(seconds: number): number | undefined {
  return seconds === FOR_EVER ? undefined : seconds;
}
