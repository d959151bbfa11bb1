import { parseAddress, writeMac, type Mac } from "@netloom/core";

const ETHERNET = 14;
const IPV4 = 20;

export interface Frame {
  readonly from: { readonly address: string; readonly mac: Mac; readonly port: number };
  readonly to: { readonly address: string; readonly mac: Mac; readonly port: number };
  /** SYN: 2, SYN and ACK: 18. */
  readonly flags: number;
}

/** An empty TCP segment in an Ethernet frame (RFC 9293 section 3.1, RFC 791 section 3.1). */
export function tcpFrame({ from, to, flags }: Frame): Uint8Array {
  const frame = new Uint8Array(ETHERNET + IPV4 + 20);
  const view = new DataView(frame.buffer);
  writeMac(to.mac, view, 0);
  writeMac(from.mac, view, 6);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, IPV4 + 20);
  view.setUint8(22, 64);
  view.setUint8(23, 6);
  view.setUint32(26, parseAddress(from.address).w3);
  view.setUint32(30, parseAddress(to.address).w3);
  view.setUint16(24, checksum(view, ETHERNET, ETHERNET + IPV4));
  const segment = ETHERNET + IPV4;
  view.setUint16(segment, from.port);
  view.setUint16(segment + 2, to.port);
  view.setUint32(segment + 4, 1000);
  view.setUint8(segment + 12, 5 << 4);
  view.setUint8(segment + 13, flags);
  view.setUint16(segment + 14, 0xffff);
  // The pseudo header: the addresses, the protocol, the length.
  view.setUint16(segment + 16, checksum(view, ETHERNET + 12, frame.length, 6 + 20));
  return frame;
}

/** RFC 1071. */
function checksum(view: DataView, from: number, to: number, start = 0): number {
  let sum = start;
  for (let at = from; at < to; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
