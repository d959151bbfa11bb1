import { writeMac, parseMac } from "@netloom/core";
import {
  icmpFrame,
  IcmpType,
  ipFrame,
  IpProtocol,
  TcpFlag,
  tcpFrame,
  udpFrame,
} from "@netloom/datapath-model";
import { internetChecksum } from "../../src/packets/checksum.ts";
import { withHeaderSum } from "../../../datapath-ebpf/test/support/packets.ts";
import type { Variation } from "./steps.ts";
import { word } from "./places.ts";

/** The ends of one packet; of an ICMP echo the source port is its identifier. */
export interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const MACS = { sourceMac: 0x0200_0000_0001, destinationMac: 0x0200_0000_0002 };
const PAYLOAD = Uint8Array.from({ length: 24 }, (_, at) => at * 7);

/** What one end sends to the other. @param reply - an echo reply, a SYN's answer. */
export function frameOf(ends: Ends, protocol: number, reply: boolean, how: Variation): Uint8Array {
  const { source, destination, sourcePort, destinationPort } = ends;
  const from = `${source}:${sourcePort}`;
  const to = `${destination}:${destinationPort}`;
  const options = { ...MACS, ttl: how.ttl, id: 0x1234 };
  switch (protocol) {
    case IpProtocol.TCP: {
      const flags = how.flags !== 0 ? how.flags : reply ? TcpFlag.SYN | TcpFlag.ACK : TcpFlag.SYN;
      return tcpFrame({ ...options, from, to, flags, payload: PAYLOAD });
    }
    case IpProtocol.UDP: {
      const frame = udpFrame({ ...options, from, to, payload: PAYLOAD });
      if (how.noChecksum) frame.fill(0, 40, 42);
      return frame;
    }
    case IpProtocol.ICMP: {
      // Now and then one that is no echo: a timestamp.
      const type = how.noChecksum ? 13 : reply ? IcmpType.ECHO_REPLY : IcmpType.ECHO_REQUEST;
      return icmpFrame({ ...options, source, destination, type, identifier: sourcePort, payload: PAYLOAD });
    }
    case IpProtocol.SCTP: {
      const body = new Uint8Array(28);
      new DataView(body.buffer).setUint32(0, sourcePort * 65536 + destinationPort);
      return ipFrame({ ...options, source, destination, protocol, body });
    }
    default:
      return ipFrame({ ...options, source, destination, protocol, body: PAYLOAD });
  }
}

/** An ICMP error that quotes a frame. */
export function errorAbout(
  frame: Uint8Array,
  source: string,
  destination: string,
  how: Variation,
): Uint8Array {
  const types = [IcmpType.UNREACHABLE, IcmpType.TIME_EXCEEDED, IcmpType.PARAMETER_PROBLEM];
  const type = types[how.flags % types.length]!;
  // Eight bytes behind the header, or much more.
  const payload = frame.slice(14, how.noChecksum ? 14 + 28 : 14 + 60);
  return icmpFrame({ ...MACS, ttl: how.ttl, source, destination, type, code: 1, payload });
}

/** The ends that an answer has. */
export function answerEnds(frame: Uint8Array): Ends & { protocol: number } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const text = (at: number): string => [...frame.subarray(at, at + 4)].join(".");
  const protocol = view.getUint8(23);
  const at = 14 + (view.getUint8(14) & 0xf) * 4;
  const port = (offset: number): number =>
    at + offset + 2 <= frame.length ? view.getUint16(at + offset) : 0;
  const icmp = protocol === IpProtocol.ICMP;
  return {
    source: text(30),
    destination: text(26),
    sourcePort: port(icmp ? 4 : 2),
    destinationPort: port(icmp ? 4 : 0),
    protocol,
  };
}

/** Options, fragments, and what is not right. */
export function vary(frame: Uint8Array, how: Variation): Uint8Array {
  let bytes = how.carry ? withHeaderSum(frame, 0xfeff) : frame;
  if (how.options > 0) bytes = withOptions(bytes, how.options);
  if (how.fragment !== "no") bytes = fragmentOf(bytes, how.fragment);
  if (how.length > 0) bytes = padded(bytes, how.length);
  const { mangle } = how;
  if (mangle.kind === "cut") bytes = bytes.slice(0, mangle.length);
  if (mangle.kind === "byte" && mangle.at < bytes.length) {
    bytes = bytes.slice();
    bytes[mangle.at] = mangle.value;
  }
  return runnable(bytes);
}

/** The kernel's test runs refuse IPv4 frames without a whole header; so would a driver. */
function runnable(bytes: Uint8Array): Uint8Array {
  if (bytes[12] !== 0x08 || bytes[13] !== 0x00 || bytes.length >= 34) return bytes;
  return padded(bytes, 34);
}

/** Something behind it that is not of the packet, as on Ethernet behind a short one. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}

function withOptions(frame: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(frame.length + length);
  longer.set(frame.subarray(0, 34));
  longer.fill(1, 34, 34 + length);
  longer.set(frame.subarray(34), 34 + length);
  longer[14] = 0x40 | (5 + length / 4);
  return summed(longer);
}

function fragmentOf(frame: Uint8Array, which: "first" | "later"): Uint8Array {
  const bytes = frame.slice();
  const view = new DataView(bytes.buffer);
  view.setUint16(20, which === "first" ? 0x2000 : 3);
  return summed(bytes);
}

function summed(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer);
  const length = (view.getUint8(14) & 0xf) * 4;
  view.setUint16(16, frame.length - 14);
  view.setUint16(24, 0);
  view.setUint16(24, internetChecksum(frame.subarray(14, 14 + length)));
  return frame;
}

/** RFC 826. */
export function arpFrame(sender: string, target: string, operation: number, length: number): Uint8Array {
  const frame = new Uint8Array(Math.max(42, length));
  const view = new DataView(frame.buffer);
  const mac = parseMac("02:00:00:00:00:0a");
  writeMac(0xffff_ffff_ffff, view, 0);
  writeMac(mac, view, 6);
  view.setUint16(12, 0x0806);
  view.setUint16(14, 1);
  view.setUint16(16, 0x0800);
  view.setUint16(18, 0x0604);
  view.setUint16(20, operation);
  writeMac(mac, view, 22);
  view.setUint32(28, word(sender));
  view.setUint32(38, word(target));
  return frame.slice(0, length);
}
