import { parseAddress, parseMac, writeMac } from "@netloom/core";
import { internetChecksum, pseudoSum, TRANSPORT_CHECKSUM } from "./checksum.ts";

/** `10.0.0.1:80`; without a port for what has none. */
export type End = string;

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, gre: 47, sctp: 132 } as const;

export const FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const;

export const ICMP = { echoReply: 0, unreachable: 3, echo: 8, timeExceeded: 11, timestamp: 13 } as const;

export interface IpOptions {
  readonly ttl?: number;
  readonly id?: number;
  /** In bytes, a multiple of 8. @defaultValue 0 */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  /** A multiple of 4 bytes, up to 40. */
  readonly options?: Uint8Array;
  readonly version?: number;
  readonly macs?: { readonly source: string; readonly destination: string };
}

const MACS = { source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" };

/** A frame with an IPv4 packet of any protocol. `payload` is what follows the IP header. */
export function ip(
  source: string,
  destination: string,
  protocol: number,
  payload: Uint8Array,
  how: IpOptions = {},
): Uint8Array {
  const { ttl = 64, id = 0x1234, fragmentOffset = 0, moreFragments = false, version = 4, macs = MACS } = how;
  const options = how.options ?? new Uint8Array(0);
  const headerLength = 20 + options.length;
  const frame = new Uint8Array(14 + headerLength + payload.length);
  const view = new DataView(frame.buffer);
  writeMac(parseMac(macs.destination), view, 0);
  writeMac(parseMac(macs.source), view, 6);
  view.setUint16(12, 0x0800);
  view.setUint8(14, (version << 4) | (headerLength / 4));
  view.setUint16(16, headerLength + payload.length);
  view.setUint16(18, id);
  view.setUint16(20, (moreFragments ? 0x2000 : 0) | (fragmentOffset / 8));
  view.setUint8(22, ttl);
  view.setUint8(23, protocol);
  view.setUint32(26, parseAddress(source).w3);
  view.setUint32(30, parseAddress(destination).w3);
  frame.set(options, 34);
  frame.set(payload, 14 + headerLength);
  view.setUint16(24, internetChecksum(frame.subarray(14, 14 + headerLength)));
  return frame;
}

/** The same packet under the identification that gives its header a certain checksum. It has no options. */
export function withHeaderSum(frame: Uint8Array, checksum: number): Uint8Array {
  const bytes = frame.slice();
  const view = new DataView(bytes.buffer);
  view.setUint16(18, 0);
  view.setUint16(24, 0);
  const id = (~checksum & 0xffff) + internetChecksum(bytes.subarray(14, 34));
  view.setUint16(18, (id & 0xffff) + (id >>> 16));
  view.setUint16(24, checksum);
  return bytes;
}

export interface TcpOptions extends IpOptions {
  /** @defaultValue SYN */
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

export function tcp(from: End, to: End, options: TcpOptions = {}): Uint8Array {
  const { flags = FLAG.SYN, payload = new Uint8Array(0) } = options;
  const segment = new Uint8Array(20 + payload.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, portOf(from));
  view.setUint16(2, portOf(to));
  view.setUint32(4, 0x01020304);
  view.setUint8(12, 5 << 4);
  view.setUint8(13, flags);
  view.setUint16(14, 0xffff);
  segment.set(payload, 20);
  return transport(from, to, PROTOCOL.tcp, segment, options);
}

export interface UdpOptions extends IpOptions {
  readonly payload?: Uint8Array;
  /** A checksum of 0 says that there is none (RFC 768). @defaultValue true */
  readonly checksum?: boolean;
}

export function udp(from: End, to: End, options: UdpOptions = {}): Uint8Array {
  const datagram = udpDatagram(from, to, options.payload ?? new Uint8Array(8).fill(0x41));
  if (options.checksum === false) return ip(hostOf(from), hostOf(to), PROTOCOL.udp, datagram, options);
  return transport(from, to, PROTOCOL.udp, datagram, options);
}

/** Its checksum covers nothing outside it (RFC 9260 section 6.8), and nobody here reads it. */
export function sctp(from: End, to: End, options: IpOptions = {}): Uint8Array {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  view.setUint16(0, portOf(from));
  view.setUint16(2, portOf(to));
  return ip(hostOf(from), hostOf(to), PROTOCOL.sctp, header, options);
}

function udpDatagram(from: End, to: End, payload: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(8 + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, portOf(from));
  view.setUint16(2, portOf(to));
  view.setUint16(4, datagram.length);
  datagram.set(payload, 8);
  return datagram;
}

/** The fragments of one UDP datagram, each with `size` bytes behind its IP header but for the last. */
export function udpFragments(from: End, to: End, length: number, size: number, id: number): Uint8Array[] {
  const whole = udpDatagram(
    from,
    to,
    Uint8Array.from({ length }, (_, at) => at & 0xff),
  );
  sum(whole, PROTOCOL.udp, hostOf(from), hostOf(to));
  const fragments: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += size) {
    const how = { id, fragmentOffset: at, moreFragments: at + size < whole.length };
    fragments.push(ip(hostOf(from), hostOf(to), PROTOCOL.udp, whole.slice(at, at + size), how));
  }
  return fragments;
}

export interface IcmpOptions extends IpOptions {
  /** @defaultValue echo request */
  readonly type?: number;
  readonly code?: number;
  readonly id?: number;
  readonly echoId?: number;
  readonly payload?: Uint8Array;
}

/** Echo and its like: an identifier, a sequence number. */
export function icmp(from: string, to: string, options: IcmpOptions = {}): Uint8Array {
  const { type = ICMP.echo, code = 0, echoId = 0x0777, payload = new Uint8Array(8).fill(0x42) } = options;
  const message = new Uint8Array(8 + payload.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, type);
  view.setUint8(1, code);
  view.setUint16(4, echoId);
  view.setUint16(6, 1);
  message.set(payload, 8);
  view.setUint16(2, internetChecksum(message));
  return ip(from, to, PROTOCOL.icmp, message, options);
}

/** An ICMP error that quotes the packet of a frame, all of it or its first bytes (RFC 792, RFC 1812). */
export function icmpError(
  from: string,
  to: string,
  about: Uint8Array,
  how: { readonly type?: number; readonly code?: number; readonly quoted?: number } = {},
): Uint8Array {
  const { type = ICMP.unreachable, code = 3, quoted = 548 } = how;
  const payload = about.slice(14, 14 + quoted);
  return icmp(from, to, { type, code, echoId: 0, payload });
}

/** A frame of some other protocol, with nothing that means anything in it. */
export function frame(ethertype: number): Uint8Array {
  const bytes = new Uint8Array(60).fill(0x45, 14);
  new DataView(bytes.buffer).setUint16(12, ethertype);
  return bytes;
}

/** RFC 826. A request goes to everyone, an answer to whom it is for. */
export function arp(
  sender: { readonly mac: string; readonly address: string },
  target: string,
  operation: number = 1,
  targetMac?: string,
): Uint8Array {
  const frame = new Uint8Array(42);
  const view = new DataView(frame.buffer);
  writeMac(targetMac === undefined ? 0xffff_ffff_ffff : parseMac(targetMac), view, 0);
  writeMac(parseMac(sender.mac), view, 6);
  view.setUint16(12, 0x0806);
  view.setUint16(14, 1);
  view.setUint16(16, 0x0800);
  view.setUint8(18, 6);
  view.setUint8(19, 4);
  view.setUint16(20, operation);
  writeMac(parseMac(sender.mac), view, 22);
  view.setUint32(28, parseAddress(sender.address).w3);
  if (targetMac !== undefined) writeMac(parseMac(targetMac), view, 32);
  view.setUint32(38, parseAddress(target).w3);
  return frame;
}

function transport(
  from: End,
  to: End,
  protocol: number,
  segment: Uint8Array,
  options: IpOptions,
): Uint8Array {
  sum(segment, protocol, hostOf(from), hostOf(to));
  return ip(hostOf(from), hostOf(to), protocol, segment, options);
}

function sum(segment: Uint8Array, protocol: number, source: string, destination: string): void {
  const at = TRANSPORT_CHECKSUM[protocol]!;
  const pseudo = pseudoSum(parseAddress(source).w3, parseAddress(destination).w3, protocol, segment.length);
  const checksum = internetChecksum(segment, pseudo);
  // In UDP, 0 says that there is none (RFC 768).
  const written = protocol === PROTOCOL.udp && checksum === 0 ? 0xffff : checksum;
  new DataView(segment.buffer, segment.byteOffset).setUint16(at, written);
}

export function hostOf(end: End): string {
  return end.split(":")[0]!;
}

export function portOf(end: End): number {
  return Number(end.split(":")[1] ?? 0);
}
