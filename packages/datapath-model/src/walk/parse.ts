import { ipv4 } from "@netloom/core";
import { DropReason } from "@netloom/core/backend";
import { ETHERNET_HEADER } from "./packet.ts";
import { IcmpType, IpProtocol, isIcmpEcho, isIcmpError } from "./protocols.ts";
import { Drop } from "./verdict.ts";
import type { Ends, Walk } from "./walk.ts";

const IPV4_HEADER = 20;
export const ICMP_HEADER = 8;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;

/** How much of a transport header must be there. */
const LEAST_BYTES: Readonly<Record<number, number>> = {
  [IpProtocol.TCP]: 20,
  [IpProtocol.UDP]: 8,
  [IpProtocol.SCTP]: 8,
  [IpProtocol.ICMP]: ICMP_HEADER,
};

/** Fills `came` and `goes` from an IPv4 packet, as far as it can be read. @throws Drop where it cannot. */
export function parseIpv4(walk: Walk): void {
  const { packet } = walk;
  const { view } = packet;
  const ip = ETHERNET_HEADER;
  if (!packet.reaches(ip + IPV4_HEADER)) throw new Drop(DropReason.DROP_INVALID_PACKET);
  const [version, words] = [view.getUint8(ip) >> 4, view.getUint8(ip) & 0xf];
  if (version !== 4 || words < 5) throw new Drop(DropReason.DROP_INVALID_PACKET);
  walk.timeToLive = view.getUint8(ip + 8);
  walk.protocol = view.getUint8(ip + 9);
  walk.transport = ip + words * 4;
  walk.came = walk.goes = {
    source: view.getUint32(ip + 12),
    destination: view.getUint32(ip + 16),
    sourcePort: 0,
    destinationPort: 0,
  };
  const fragment = view.getUint16(ip + 6);
  const id = view.getUint16(ip + 4);
  if ((fragment & FRAGMENT_OFFSET) === 0) {
    parseTransport(walk);
    if ((fragment & MORE_FRAGMENTS) !== 0 && !walk.flowless) rememberPorts(walk, id);
  } else {
    recallPorts(walk, id);
  }
}

function parseTransport(walk: Walk): void {
  const { packet, protocol, transport: at } = walk;
  const least = LEAST_BYTES[protocol];
  if (least === undefined) return;
  if (!packet.reaches(at + least)) throw new Drop(DropReason.DROP_INVALID_PACKET);
  if (protocol === IpProtocol.TCP) walk.tcpFlags = packet.view.getUint8(at + 13);
  if (protocol === IpProtocol.ICMP) {
    walk.icmpType = packet.view.getUint8(at);
    walk.flowless = !isIcmpEcho(walk.icmpType);
    if (isIcmpError(walk.icmpType)) parseInner(walk);
  }
  setPorts(walk, portsAt(packet.view, at, protocol));
}

/** The first eight bytes of the packet that an ICMP error is about (RFC 792) hold its ports or identifier. */
function parseInner(walk: Walk): void {
  const { packet } = walk;
  const { view } = packet;
  const ip = walk.transport + ICMP_HEADER;
  const whole = packet.reaches(ip + IPV4_HEADER + 8);
  if (!whole || (view.getUint8(ip) & 0xf) !== 5) throw new Drop(DropReason.DROP_INVALID_PACKET);
  const protocol = view.getUint8(ip + 9);
  const ends = { source: view.getUint32(ip + 12), destination: view.getUint32(ip + 16) };
  walk.inner = { protocol, ends: { ...ends, ...portsAt(view, ip + IPV4_HEADER, protocol) } };
}

type Ports = Pick<Ends, "sourcePort" | "destinationPort">;

/** Both ports; of an ICMP echo its identifier, at the end that asks. */
function portsAt(view: DataView, at: number, protocol: number): Ports {
  if (protocol !== IpProtocol.ICMP) {
    return { sourcePort: view.getUint16(at), destinationPort: view.getUint16(at + 2) };
  }
  const [type, identifier] = [view.getUint8(at), view.getUint16(at + 4)];
  return {
    sourcePort: type === IcmpType.ECHO_REQUEST ? identifier : 0,
    destinationPort: type === IcmpType.ECHO_REPLY ? identifier : 0,
  };
}

function setPorts(walk: Walk, ports: Ports): void {
  walk.came = walk.goes = { ...walk.came, ...ports };
}

/** Only the first fragment has ports; it leaves them for the others (RFC 791 section 2.3). */
function rememberPorts(walk: Walk, id: number): void {
  const { sourcePort, destinationPort } = walk.came;
  walk.node.fragments.set(fragmentKey(walk, id), { sourcePort, destinationPort });
}

function recallPorts(walk: Walk, id: number): void {
  const ports = walk.node.fragments.use(fragmentKey(walk, id));
  if (ports === undefined) throw new Drop(DropReason.DROP_FRAGMENT_UNKNOWN);
  walk.laterFragment = true;
  if (walk.protocol === IpProtocol.ICMP) {
    walk.icmpType = ports.sourcePort === 0 ? IcmpType.ECHO_REPLY : IcmpType.ECHO_REQUEST;
  }
  setPorts(walk, ports);
}

function fragmentKey(walk: Walk, id: number): Parameters<Walk["node"]["fragments"]["get"]>[0] {
  const { source, destination } = walk.came;
  return { source: ipv4(source), destination: ipv4(destination), id, protocol: walk.protocol };
}
