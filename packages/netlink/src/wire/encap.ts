import { invalid } from "../errors.ts";
import type { Encap, EncapOptions } from "../model/route.ts";
import { integer } from "../text/check.ts";
import { parseIp } from "../text/ip.ts";
import type { AttributeCursor } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import { RTA } from "./nexthop.ts";
import type { MessageWriter } from "./writer.ts";

/** Kinds of lightweight tunnel (linux/lwtunnel.h). */
const LWTUNNEL_ENCAP_IP = 2;
const LWTUNNEL_ENCAP_IP6 = 4;

/** Inside RTA_ENCAP; the same numbers for both families. */
const LWTUNNEL_IP = { ID: 1, DST: 2, SRC: 3, TTL: 4, TOS: 5 } as const;

/** Packets of the route carry the tunnel's destination with them, for a device that asks for it. */
export function writeEncap(writer: MessageWriter, op: string, encap: EncapOptions): void {
  const to = parseIp(op, encap.to);
  const from = encap.from === undefined ? undefined : parseIp(op, encap.from);
  if (from !== undefined && from.family !== to.family) {
    throw invalid(op, encap.from, `an IPv${to.family} address, as the tunnel's other end`);
  }
  const id = integer(op, "a tunnel key", encap.id ?? 0);
  writer.attribute(RTA.ENCAP, () => {
    // 64 bits in network order, of which VXLAN takes 24.
    writer.attribute(LWTUNNEL_IP.ID, () => {
      writer
        .u32(0)
        .u16be(Math.floor(id / 0x1_0000))
        .u16be(id % 0x1_0000);
    });
    writer.attributeBytes(LWTUNNEL_IP.DST, to.bytes);
    if (from !== undefined) writer.attributeBytes(LWTUNNEL_IP.SRC, from.bytes);
    if (encap.ttl !== undefined) writer.attributeU8(LWTUNNEL_IP.TTL, integer(op, "a ttl", encap.ttl, 0, 255));
    if (encap.tos !== undefined) writer.attributeU8(LWTUNNEL_IP.TOS, integer(op, "a tos", encap.tos, 0, 255));
  });
  writer.attribute(RTA.ENCAP_TYPE, () => {
    writer.u16(to.family === 4 ? LWTUNNEL_ENCAP_IP : LWTUNNEL_ENCAP_IP6);
  });
}

/** `undefined` for a tunnel of another kind (MPLS, SRv6, BPF). */
export function decodeEncap(attributes: AttributeCursor, kind: number): Encap | undefined {
  if (kind !== LWTUNNEL_ENCAP_IP && kind !== LWTUNNEL_ENCAP_IP6) return undefined;
  const found: Mutable<Encap> = { id: 0, to: "", from: undefined, ttl: 0, tos: 0 };
  while (attributes.next()) {
    switch (attributes.type) {
      case LWTUNNEL_IP.ID:
        found.id = attributes.buffer.readUInt32BE(attributes.start + 4);
        break;
      case LWTUNNEL_IP.DST:
        found.to = attributes.ip();
        break;
      case LWTUNNEL_IP.SRC: {
        const from = attributes.ip();
        found.from = from === "0.0.0.0" || from === "::" ? undefined : from;
        break;
      }
      case LWTUNNEL_IP.TTL:
        found.ttl = attributes.u8();
        break;
      case LWTUNNEL_IP.TOS:
        found.tos = attributes.u8();
        break;
      default:
        break;
    }
  }
  return found;
}
