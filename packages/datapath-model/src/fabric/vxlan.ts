import { ETHERNET_HEADER, ETHERTYPE_IPV4, type TunnelKey } from "../walk/packet.ts";
import { IpProtocol } from "../walk/protocols.ts";
import { internetChecksum } from "../packets/checksum.ts";
/*
 * VXLAN as on the wire (RFC 7348 section 5).
 */

const IPV4_HEADER = 20;
const UDP_HEADER = 8;
const VXLAN_HEADER = 8;
/** In front of the inner frame. */
const OUTSIDE = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER + VXLAN_HEADER;
/** The flag that says that the VNI is valid. */
const VNI_VALID = 0x08;

/** A frame in a VXLAN packet from `local` to the tunnel's other end. Whoever sends it fills in the MACs. */
export function encapsulate(inner: Uint8Array, key: TunnelKey, local: number, port: number): Uint8Array {
  const outer = new Uint8Array(OUTSIDE + inner.length);
  const view = new DataView(outer.buffer);
  view.setUint16(12, ETHERTYPE_IPV4);
  const ip = ETHERNET_HEADER;
  view.setUint8(ip, 0x45);
  view.setUint16(ip + 2, outer.length - ETHERNET_HEADER);
  view.setUint8(ip + 8, 64);
  view.setUint8(ip + 9, IpProtocol.UDP);
  view.setUint32(ip + 12, local);
  view.setUint32(ip + 16, key.remote);
  view.setUint16(ip + 10, internetChecksum(outer.subarray(ip, ip + IPV4_HEADER)));
  const udp = ip + IPV4_HEADER;
  view.setUint16(udp, sourcePort(inner));
  view.setUint16(udp + 2, port);
  view.setUint16(udp + 4, outer.length - udp);
  // No UDP checksum: what is inside has its own.
  const vxlan = udp + UDP_HEADER;
  view.setUint8(vxlan, VNI_VALID);
  view.setUint32(vxlan + 4, (key.id << 8) >>> 0);
  outer.set(inner, OUTSIDE);
  return outer;
}

/** @returns `undefined` for what is no VXLAN packet for that port. */
export function decapsulate(
  outer: Uint8Array,
  port: number,
): { inner: Uint8Array; key: TunnelKey } | undefined {
  const view = new DataView(outer.buffer, outer.byteOffset, outer.byteLength);
  const ip = ETHERNET_HEADER;
  const udp = ip + IPV4_HEADER;
  const vxlan = udp + UDP_HEADER;
  if (outer.length < OUTSIDE + ETHERNET_HEADER || view.getUint16(12) !== ETHERTYPE_IPV4) return undefined;
  const udpForUs = view.getUint8(ip + 9) === IpProtocol.UDP && view.getUint16(udp + 2) === port;
  if (view.getUint8(ip) !== 0x45 || !udpForUs || view.getUint8(vxlan) !== VNI_VALID) return undefined;
  const key = { id: view.getUint32(vxlan + 4) >>> 8, remote: view.getUint32(ip + 12) };
  return { inner: outer.slice(OUTSIDE), key };
}

/** From the flow inside, so that switches spread flows over their links; in the range that Linux takes them from. */
function sourcePort(inner: Uint8Array): number {
  let hash = 0x811c9dc5;
  // Protocol, addresses, ports.
  for (const byte of [inner[23] ?? 0, ...inner.subarray(26, 38)]) hash = Math.imul(hash ^ byte, 0x01000193);
  return 32_768 + ((hash >>> 0) % (61_000 - 32_768));
}
