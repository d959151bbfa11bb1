import { parseAddress, writeMac, type Mac } from "@netloom/core";
import { ETHERNET_HEADER, ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { IcmpType, IpProtocol, TcpFlag } from "../walk/protocols.ts";
import { internetChecksum, pseudoSum } from "./checksum.ts";
/*
 * Frames from their parts, checksums included.
 */

export interface FrameOptions {
  readonly sourceMac?: Mac;
  readonly destinationMac?: Mac;
  /** @defaultValue 64 */
  readonly ttl?: number;
  /** @defaultValue 0 */
  readonly id?: number;
}

export interface IpPacket extends FrameOptions {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** What follows the IP header. */
  readonly body: Uint8Array;
}

/** One end's address and port: `10.0.0.1:80`. */
export type End = string;

export interface TransportPacket extends FrameOptions {
  readonly from: End;
  readonly to: End;
  readonly payload?: Uint8Array;
}

export interface TcpPacket extends TransportPacket {
  /** @defaultValue SYN */
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
}

export interface IcmpPacket extends FrameOptions {
  readonly source: string;
  readonly destination: string;
  /** @defaultValue echo request */
  readonly type?: number;
  readonly code?: number;
  /** Of an echo; of other types, the four bytes behind the checksum. */
  readonly identifier?: number;
  readonly sequence?: number;
  readonly payload?: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** An IPv4 packet in an Ethernet frame. */
export function ipFrame({ source, destination, protocol, body, ...options }: IpPacket): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER + 20 + body.length);
  const view = new DataView(frame.buffer);
  writeMac(options.destinationMac ?? 0, view, 0);
  writeMac(options.sourceMac ?? 0, view, 6);
  view.setUint16(12, ETHERTYPE_IPV4);
  view.setUint8(14, 0x45);
  view.setUint16(16, 20 + body.length);
  view.setUint16(18, options.id ?? 0);
  view.setUint8(22, options.ttl ?? 64);
  view.setUint8(23, protocol);
  view.setUint32(26, parseAddress(source).w3);
  view.setUint32(30, parseAddress(destination).w3);
  view.setUint16(24, internetChecksum(frame.subarray(14, 34)));
  frame.set(body, 34);
  return frame;
}

export function tcpFrame({ from, to, payload = NOTHING, ...options }: TcpPacket): Uint8Array {
  const segment = new Uint8Array(20 + payload.length);
  const view = new DataView(segment.buffer);
  view.setUint32(4, options.sequence ?? 0);
  view.setUint32(8, options.acknowledgement ?? 0);
  view.setUint8(12, 5 << 4);
  view.setUint8(13, options.flags ?? TcpFlag.SYN);
  view.setUint16(14, 0xffff);
  segment.set(payload, 20);
  return transportFrame(from, to, IpProtocol.TCP, segment, 16, options);
}

export function udpFrame({ from, to, payload = NOTHING, ...options }: TransportPacket): Uint8Array {
  const datagram = new Uint8Array(8 + payload.length);
  new DataView(datagram.buffer).setUint16(4, datagram.length);
  datagram.set(payload, 8);
  return transportFrame(from, to, IpProtocol.UDP, datagram, 6, options);
}

function transportFrame(
  from: End,
  to: End,
  protocol: number,
  segment: Uint8Array,
  checksumAt: number,
  options: FrameOptions,
): Uint8Array {
  const [source, sourcePort] = splitEnd(from);
  const [destination, destinationPort] = splitEnd(to);
  const view = new DataView(segment.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  const pseudo = pseudoSum(parseAddress(source).w3, parseAddress(destination).w3, protocol, segment.length);
  const checksum = internetChecksum(segment, pseudo);
  // In UDP 0 means that there is none (RFC 768).
  view.setUint16(checksumAt, protocol === IpProtocol.UDP && checksum === 0 ? 0xffff : checksum);
  return ipFrame({ ...options, source, destination, protocol, body: segment });
}

export function icmpFrame({ source, destination, payload = NOTHING, ...options }: IcmpPacket): Uint8Array {
  const message = new Uint8Array(8 + payload.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, options.type ?? IcmpType.ECHO_REQUEST);
  view.setUint8(1, options.code ?? 0);
  view.setUint16(4, options.identifier ?? 0);
  view.setUint16(6, options.sequence ?? 0);
  message.set(payload, 8);
  view.setUint16(2, internetChecksum(message));
  return ipFrame({ ...options, source, destination, protocol: IpProtocol.ICMP, body: message });
}

/** @throws RangeError where there is no port. */
export function splitEnd(end: End): [address: string, port: number] {
  const at = end.lastIndexOf(":");
  const port = Number(end.slice(at + 1));
  if (at < 0 || !Number.isInteger(port) || port < 0 || port > 0xffff) {
    throw new RangeError(`${end} is no address with a port: write 10.0.0.1:80`);
  }
  return [end.slice(0, at), port];
}
