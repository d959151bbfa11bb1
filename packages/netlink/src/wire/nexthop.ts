import { invalid } from "../errors.ts";
import type { Nexthop, NexthopOptions } from "../model/route.ts";
import { integer } from "../text/check.ts";
import { type IpFamily, parseIp } from "../text/ip.ts";
import { familyNumber } from "./family.ts";
import { AttributeCursor, malformed } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import { align, type MessageWriter } from "./writer.ts";

/** Route attributes of linux/rtnetlink.h. */
export const RTA = {
  DST: 1,
  SRC: 2,
  IIF: 3,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  TABLE: 15,
  MARK: 16,
  VIA: 18,
  ENCAP_TYPE: 21,
  ENCAP: 22,
} as const;

export const RTNH_F = { DEAD: 1, ONLINK: 4, LINKDOWN: 16 } as const;

/** struct rtnexthop: u16 length, u8 flags, u8 hops, s32 interface index; attributes follow. */
const RTNEXTHOP_LENGTH = 8;

/** A gateway of the route's own family, or of the other one as struct rtvia (u16 family, address). */
export function writeGateway(writer: MessageWriter, op: string, family: IpFamily, via: string): void {
  const gateway = parseIp(op, via);
  if (gateway.family === family) {
    writer.attributeBytes(RTA.GATEWAY, gateway.bytes);
    return;
  }
  if (family === 6) throw invalid(op, via, "an IPv6 gateway");
  writer.attribute(RTA.VIA, () => {
    writer.u16(familyNumber(op, gateway.family)).bytes(gateway.bytes);
  });
}

export function writeNexthops(
  writer: MessageWriter,
  op: string,
  family: IpFamily,
  hops: readonly NexthopOptions[],
): void {
  if (hops.length === 0) throw invalid(op, hops, "a list of at least one next hop");
  writer.attribute(RTA.MULTIPATH, () => {
    for (const { device, via, weight = 1, onlink = false } of hops) {
      writer.counted(() => {
        writer.u8(onlink ? RTNH_F.ONLINK : 0).u8(integer(op, "a weight", weight, 1, 256) - 1);
        if (device === undefined) writer.u32(0);
        else writer.device(op, device);
        if (via !== undefined) writeGateway(writer, op, family, via);
      });
    }
  });
}

export function decodeNexthops({ buffer, start, end }: AttributeCursor): Nexthop[] {
  const hops: Nexthop[] = [];
  for (let at = start; at + RTNEXTHOP_LENGTH <= end;) {
    const length = buffer.readUInt16LE(at);
    if (length < RTNEXTHOP_LENGTH || at + length > end) throw malformed("next hop");
    const flags = buffer[at + 2] ?? 0;
    const hop: Mutable<Nexthop> = {
      device: buffer.readInt32LE(at + 4) || undefined,
      via: undefined,
      weight: (buffer[at + 3] ?? 0) + 1,
      onlink: (flags & RTNH_F.ONLINK) !== 0,
      dead: (flags & (RTNH_F.DEAD | RTNH_F.LINKDOWN)) !== 0,
    };
    const attributes = new AttributeCursor(buffer, at + RTNEXTHOP_LENGTH, at + length);
    while (attributes.next()) {
      if (attributes.type === RTA.GATEWAY) hop.via = attributes.ip();
      else if (attributes.type === RTA.VIA) hop.via = attributes.ip(2);
    }
    hops.push(hop);
    at += align(length);
  }
  return hops;
}
