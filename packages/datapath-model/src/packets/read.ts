import { formatAddress, ipv4 } from "@netloom/core";
import { ETHERNET_HEADER, ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { IpProtocol, isIcmpError } from "../walk/protocols.ts";

/** What a network stack reads of an IPv4 packet. */
export interface Received {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl: number;
  /** 0 where the protocol has none; of an ICMP echo its identifier. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly icmpType: number;
  /** Behind the transport header. */
  readonly payload: Uint8Array;
  /** What an ICMP error is about. */
  readonly inner: Received | undefined;
}

/** @returns `undefined` for what is no whole IPv4 packet. */
export function readFrame(frame: Uint8Array): Received | undefined {
  const view = viewOf(frame);
  if (frame.length < ETHERNET_HEADER + 20 || view.getUint16(12) !== ETHERTYPE_IPV4) return undefined;
  return readPacket(frame.subarray(ETHERNET_HEADER));
}

function readPacket(bytes: Uint8Array): Received | undefined {
  const view = viewOf(bytes);
  const header = (view.getUint8(0) & 0xf) * 4;
  const protocol = view.getUint8(9);
  const body = bytes.subarray(header);
  const least = protocol === IpProtocol.TCP ? 20 : 8;
  if (header < 20 || (body.length < least && protocol !== IpProtocol.TCP)) return undefined;
  const word = viewOf(body);
  const tcp = protocol === IpProtocol.TCP && body.length >= least;
  const icmp = protocol === IpProtocol.ICMP;
  const icmpType = icmp ? word.getUint8(0) : 0;
  const payloadAt = tcp ? (word.getUint8(12) >> 4) * 4 : Math.min(8, body.length);
  return {
    source: formatAddress(ipv4(view.getUint32(12))),
    destination: formatAddress(ipv4(view.getUint32(16))),
    protocol,
    ttl: view.getUint8(8),
    sourcePort: word.getUint16(icmp ? 4 : 0),
    destinationPort: word.getUint16(icmp ? 4 : 2),
    tcpFlags: tcp ? word.getUint8(13) : 0,
    sequence: tcp ? word.getUint32(4) : 0,
    acknowledgement: tcp ? word.getUint32(8) : 0,
    icmpType,
    payload: body.subarray(payloadAt),
    inner: icmp && isIcmpError(icmpType) && body.length >= 36 ? readPacket(body.subarray(8)) : undefined,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
