import { DropReason } from "@netloom/core/backend";
import { ETHERNET_HEADER } from "./packet.ts";
import { ICMP_HEADER } from "./parse.ts";
import { IpProtocol } from "./protocols.ts";
import { Drop } from "./verdict.ts";
import type { Walk } from "./walk.ts";
/*
 * Changing addresses and ports, checksums kept right.
 */

export type WhichEnd = "source" | "destination";

/** Where things stand in an IPv4 header (RFC 791 section 3.1). */
const IP_CHECKSUM = 10;
const IP_ADDRESS: Readonly<Record<WhichEnd, number>> = { source: 12, destination: 16 };
const IPV4_HEADER = 20;

/** Where a port stands in a transport header. An ICMP echo has one identifier for both ends. */
const PORT: Readonly<Record<WhichEnd, number>> = { source: 0, destination: 2 };
const ICMP_CHECKSUM = 2;
const ICMP_IDENTIFIER = 4;

/** RFC 1624 equation 3, over the halves of two words. */
function checksumReplace(check: number, from: number, to: number): number {
  let sum = (~check & 0xffff) + (~from & 0xffff) + (~from >>> 16) + (to & 0xffff) + (to >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Gives one end of the packet another address and port. @throws Drop */
export function rewriteEnd(walk: Walk, which: WhichEnd, address: number, port: number): void {
  const { packet, goes, protocol, transport } = walk;
  const { view } = packet;
  const old = which === "source" ? goes.source : goes.destination;
  const oldPort = which === "source" ? goes.sourcePort : goes.destinationPort;
  const portChanges = !walk.laterFragment && port !== oldPort;
  // Its checksum covers the port, and all of the packet (RFC 9260 section 6.8).
  if (portChanges && protocol === IpProtocol.SCTP) throw new Drop(DropReason.DROP_NO_NAT_MAPPING);
  if (!walk.laterFragment)
    fixTransportChecksum(walk, { from: old, to: address }, { from: oldPort, to: port });
  const ip = ETHERNET_HEADER;
  view.setUint16(ip + IP_CHECKSUM, checksumReplace(view.getUint16(ip + IP_CHECKSUM), old, address));
  view.setUint32(ip + IP_ADDRESS[which], address);
  if (portChanges) {
    view.setUint16(transport + (protocol === IpProtocol.ICMP ? ICMP_IDENTIFIER : PORT[which]), port);
  }
  walk.goes =
    which === "source"
      ? { ...goes, source: address, sourcePort: port }
      : { ...goes, destination: address, destinationPort: port };
}

interface Change {
  readonly from: number;
  readonly to: number;
}

function fixTransportChecksum({ packet, protocol, transport }: Walk, address: Change, port: Change): void {
  const field = checksumField(protocol);
  if (field === undefined) return;
  const at = transport + field;
  const { view } = packet;
  const replace = (change: Change): void => {
    const before = view.getUint16(at);
    // A UDP checksum of 0 means that there is none, so one that comes out as 0 is written as its equal.
    if (protocol === IpProtocol.UDP && before === 0) return;
    const after = checksumReplace(before, change.from, change.to);
    view.setUint16(at, protocol === IpProtocol.UDP && after === 0 ? 0xffff : after);
  };
  // ICMP sums no addresses.
  if (protocol !== IpProtocol.ICMP) replace(address);
  if (port.from !== port.to) replace(port);
}

/** Where the checksum stands that covers the ports; of protocols without ports we know none. */
function checksumField(protocol: number): number | undefined {
  switch (protocol) {
    case IpProtocol.TCP:
      return 16;
    case IpProtocol.UDP:
      return 6;
    case IpProtocol.ICMP:
      return ICMP_CHECKSUM;
    default:
      return undefined;
  }
}

/**
 * Gives one end of the packet inside an ICMP error another address and port, so that the host it is for knows the
 * packet as its own. The inner IP checksum makes up for the address, so only the port changes the outer sum.
 */
export function rewriteInnerEnd(walk: Walk, which: WhichEnd, address: number, port: number): void {
  const { inner, transport } = walk;
  if (inner === undefined) return;
  const { view } = walk.packet;
  const { ends, protocol } = inner;
  const old = which === "source" ? ends.source : ends.destination;
  const oldPort = which === "source" ? ends.sourcePort : ends.destinationPort;
  if (port !== oldPort) {
    const at = transport + ICMP_CHECKSUM;
    view.setUint16(at, checksumReplace(view.getUint16(at), oldPort, port));
  }
  const ip = transport + ICMP_HEADER;
  view.setUint16(ip + IP_CHECKSUM, checksumReplace(view.getUint16(ip + IP_CHECKSUM), old, address));
  view.setUint32(ip + IP_ADDRESS[which], address);
  const field = protocol === IpProtocol.ICMP ? ICMP_IDENTIFIER : PORT[which];
  view.setUint16(ip + IPV4_HEADER + field, port);
}
