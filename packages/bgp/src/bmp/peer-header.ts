import { formatAddress, ipv4Bytes, parseAddress } from "../wire/address.ts";
import { bytesOf, uint32 } from "../wire/bytes.ts";
import type { BmpPeer } from "./messages.ts";

/** Bytes of a per-peer header. */
export const PEER_HEADER = 42;

const FLAG = { ipv6: 0x80, postPolicy: 0x40, legacyAsPath: 0x20, adjRibOut: 0x10 } as const;

/** @throws RangeError: a value does not fit. */
export function encodePeer(peer: BmpPeer): Uint8Array {
  const address = addressBytes(peer.address);
  const flags =
    (peer.address.includes(":") ? FLAG.ipv6 : 0) |
    (peer.postPolicy ? FLAG.postPolicy : 0) |
    (peer.legacyAsPath ? FLAG.legacyAsPath : 0) |
    (peer.adjRibOut ? FLAG.adjRibOut : 0);
  const header = new Uint8Array(PEER_HEADER);
  const view = new DataView(header.buffer);
  header[0] = peer.type;
  header[1] = flags;
  view.setBigUint64(2, peer.distinguisher);
  header.set(address, 10);
  header.set(bytesOf(peer.asn, 4), 26);
  header.set(ipv4Bytes(peer.routerId), 30);
  const microseconds = Math.round(peer.at * 1000);
  view.setUint32(34, Math.floor(microseconds / 1e6));
  view.setUint32(38, microseconds % 1e6);
  return header;
}

/** @returns `undefined`: of a type that RFC 7854 does not know */
export function decodePeer(bytes: Uint8Array, at: number): BmpPeer | undefined {
  const type = bytes[at];
  if (type !== 0 && type !== 1 && type !== 2) return undefined;
  const flags = bytes[at + 1] as number;
  return {
    type,
    distinguisher: BigInt(uint32(bytes, at + 2)) * 0x1_0000_0000n + BigInt(uint32(bytes, at + 6)),
    address: addressAt(bytes, at + 10, (flags & FLAG.ipv6) !== 0),
    asn: uint32(bytes, at + 26),
    routerId: formatAddress(bytes, at + 30, 4),
    postPolicy: (flags & FLAG.postPolicy) !== 0,
    legacyAsPath: (flags & FLAG.legacyAsPath) !== 0,
    adjRibOut: (flags & FLAG.adjRibOut) !== 0,
    at: (uint32(bytes, at + 34) * 1e6 + uint32(bytes, at + 38)) / 1000,
  };
}

/** 16 bytes; of an IPv4 address the last four. @throws RangeError: no address. */
export function addressBytes(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`${text} is no address`);
  const bytes = new Uint8Array(16);
  bytes.set(address, 16 - address.length);
  return bytes;
}

export function addressAt(bytes: Uint8Array, at: number, ipv6: boolean): string {
  return ipv6 ? formatAddress(bytes, at, 16) : formatAddress(bytes, at + 12, 4);
}
