import { formatAddress, formatMac, ipv4, readMac } from "@netloom/core";
import { internetChecksum, pseudoSum, TRANSPORT_CHECKSUM } from "./checksum.ts";
import { ICMP, PROTOCOL } from "./packets.ts";

export interface Macs {
  readonly source: string;
  readonly destination: string;
}

/** An IPv4 packet taken apart. Ports are 0 where the protocol has none; of an ICMP echo they are its identifier. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl: number;
  readonly id: number;
  /** Has a transport header: no fragment, or the first. */
  readonly first: boolean;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number | undefined;
  readonly icmpType: number | undefined;
  /** What follows the transport header. */
  readonly payload: Uint8Array;
  /** What an ICMP error is about. */
  readonly inner: Packet | undefined;
  /**
   * The checksums that are not right, by name; a reader of its own, which adds everything up again. That of the
   * transport header in an ICMP error is left out: nobody verifies it (RFC 5508 section 4.2).
   */
  readonly wrongChecksums: readonly string[];
}

export function macsOf(frame: Uint8Array): Macs {
  const view = viewOf(frame);
  return { destination: formatMac(readMac(view, 0)), source: formatMac(readMac(view, 6)) };
}

/** Takes a frame apart. */
export function dissect(frame: Uint8Array): Packet {
  return packetOf(frame.subarray(14), "");
}

function packetOf(bytes: Uint8Array, where: string): Packet {
  const view = viewOf(bytes);
  const headerLength = (bytes[0]! & 0xf) * 4;
  const total = view.getUint16(2);
  const fragment = view.getUint16(6);
  const protocol = bytes[9]!;
  // The body of a quoted packet may have been cut off.
  const body = bytes.subarray(headerLength, Math.min(total, bytes.length));
  const whole = bytes.length >= total && (fragment & 0x3fff) === 0;
  const first = (fragment & 0x1fff) === 0;
  const wrong: string[] = [];
  if (internetChecksum(bytes.subarray(0, headerLength)) !== 0) wrong.push(`${where}ip`);
  if (whole && where === "" && !transportChecksumRight(protocol, view, body)) wrong.push(`${where}transport`);
  const words = viewOf(body);
  const ported = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp || protocol === PROTOCOL.sctp;
  const icmpType = protocol === PROTOCOL.icmp && first ? body[0]! : undefined;
  const echo = icmpType === ICMP.echo || icmpType === ICMP.echoReply;
  const port = (at: number): number =>
    !first ? 0 : ported ? words.getUint16(at) : echo ? words.getUint16(4) : 0;
  const error = icmpType === ICMP.unreachable || icmpType === ICMP.timeExceeded;
  const inner = error && body.length >= 36 ? packetOf(body.subarray(8), "inner ") : undefined;
  return {
    source: formatAddress(ipv4(view.getUint32(12))),
    destination: formatAddress(ipv4(view.getUint32(16))),
    protocol,
    ttl: bytes[8]!,
    id: view.getUint16(4),
    first,
    sourcePort: port(0),
    destinationPort: port(2),
    tcpFlags: protocol === PROTOCOL.tcp && first ? body[13] : undefined,
    icmpType,
    payload: first ? body.slice(protocol === PROTOCOL.tcp ? (body[12]! >> 4) * 4 : 8) : body.slice(),
    inner,
    wrongChecksums: [...wrong, ...(inner?.wrongChecksums ?? [])],
  };
}

function transportChecksumRight(protocol: number, ip: DataView, body: Uint8Array): boolean {
  const at = TRANSPORT_CHECKSUM[protocol];
  if (at === undefined) return true;
  if (protocol === PROTOCOL.icmp) return internetChecksum(body) === 0;
  if (protocol === PROTOCOL.udp && viewOf(body).getUint16(at) === 0) return true;
  return internetChecksum(body, pseudoSum(ip.getUint32(12), ip.getUint32(16), protocol, body.length)) === 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
