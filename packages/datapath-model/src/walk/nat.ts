import { ipv4 } from "@netloom/core";
import {
  CtLifetime,
  Direction,
  DropReason,
  NatLimits,
  type NatKey,
  type NatValue,
} from "@netloom/core/backend";
import { ctKeyOf } from "./conntrack.ts";
import { IcmpType, IpProtocol } from "./protocols.ts";
import { rewriteEnd, rewriteInnerEnd } from "./rewrite.ts";
import { Drop } from "./verdict.ts";
import type { Ends, Inner, Walk } from "./walk.ts";
/*
 * Masquerading: pods reach the world under the node's address. The port stays where it can. A port that a socket of
 * the node uses towards the same peer is never taken.
 */

const SECOND = 1_000_000_000n;

/** What leaves the node, by its own ends. */
function outwardKey({ source, destination, sourcePort, destinationPort }: Ends, protocol: number): NatKey {
  return {
    source: ipv4(source),
    destination: ipv4(destination),
    sourcePort,
    destinationPort,
    protocol,
    direction: Direction.DIRECTION_EGRESS,
  };
}

/** An address and a port. */
interface End {
  readonly address: number;
  readonly port: number;
}

/** What comes back from a peer. @param own - the node's own address and port that the peer knows. */
function inwardKey(peer: End, own: End, protocol: number): NatKey {
  return {
    source: ipv4(peer.address),
    destination: ipv4(own.address),
    sourcePort: peer.port,
    destinationPort: own.port,
    protocol,
    direction: Direction.DIRECTION_INGRESS,
  };
}

function peerOf({ destination, destinationPort }: Ends): End {
  return { address: destination, port: destinationPort };
}

/** The other entry of the flow that an inward one is the way back of. */
function outwardOf(inward: NatKey, back: NatValue): NatKey {
  return {
    source: back.address,
    destination: inward.source,
    sourcePort: back.port,
    destinationPort: inward.sourcePort,
    protocol: inward.protocol,
    direction: Direction.DIRECTION_EGRESS,
  };
}

function expiry(walk: Walk): bigint {
  const lifetime =
    walk.protocol === IpProtocol.TCP ? CtLifetime.CT_LIFETIME_TCP : CtLifetime.CT_LIFETIME_OTHER;
  return walk.now + BigInt(lifetime) * SECOND;
}

/**
 * The next packet keeps the mapping as long as it keeps its flow.
 *
 * @returns when it ends now, where it was time to say so.
 */
function touch(walk: Walk, key: NatKey, value: NatValue): bigint | undefined {
  const expires = expiry(walk);
  if (expires <= value.expires + SECOND) return undefined;
  walk.node.maps.nat.set(key, { ...value, expires });
  return expires;
}

/**
 * The other entry of a mapping that has just been touched: it lives as long, and is written again where it was evicted.
 * Else a flow that goes one way only would lose its way back, or its port to another.
 *
 * @returns false where another flow has its place.
 */
function touchOther({ node }: Walk, key: NatKey, value: NatValue): boolean {
  const { nat } = node.maps;
  const other = nat.use(key);
  if (other !== undefined && !leadsTo(other, value.address.w3, value.port)) return false;
  nat.set(key, value);
  return true;
}

function leadsTo(mapping: NatValue, address: number, port: number): boolean {
  return mapping.address.w3 === address && mapping.port === port;
}

/** Gives a packet that leaves the node one of the node's addresses, and a port of its own. @throws Drop */
export function natMasquerade(walk: Walk, address: number): void {
  if (!hasPort(walk)) throw new Drop(DropReason.DROP_UNKNOWN_L4);
  const port = portKept(walk, address);
  if (port !== undefined) {
    rewriteEnd(walk, "source", address, port);
    return;
  }
  // A fragment came before the start of its flow, or the start was refused.
  if (walk.laterFragment) throw new Drop(DropReason.DROP_NO_NAT_MAPPING);
  const taken = portTaken(walk, address);
  walk.report = true;
  rewriteEnd(walk, "source", address, taken);
}

/** Is there a port, or an echo's identifier, for the answer to be told by? */
function hasPort({ protocol, icmpType }: Walk): boolean {
  if (protocol === IpProtocol.ICMP) return icmpType === IcmpType.ECHO_REQUEST;
  return protocol === IpProtocol.TCP || protocol === IpProtocol.UDP || protocol === IpProtocol.SCTP;
}

/** The port that the flow has, where it is still its own. */
function portKept(walk: Walk, address: number): number | undefined {
  const { source, sourcePort } = walk.goes;
  const outward = outwardKey(walk.goes, walk.protocol);
  const known = walk.node.maps.nat.use(outward);
  if (known === undefined || known.expires < walk.now || known.address.w3 !== address) return undefined;
  const expires = touch(walk, outward, known);
  if (expires === undefined) return known.port;
  const inward = inwardKey(peerOf(walk.goes), { address, port: known.port }, walk.protocol);
  const back = { address: ipv4(source), port: sourcePort, expires };
  return touchOther(walk, inward, back) ? known.port : undefined;
}

/** Takes a port towards the peer and writes both entries, the way back first. @throws Drop */
function portTaken(walk: Walk, address: number): number {
  const { nat } = walk.node.maps;
  const { source, sourcePort } = walk.goes;
  const expires = expiry(walk);
  for (const port of candidates(walk)) {
    const inward = inwardKey(peerOf(walk.goes), { address, port }, walk.protocol);
    const held = nat.use(inward);
    if (held !== undefined && !isIdle(walk, held)) continue;
    if (held !== undefined) {
      // Both entries of the flow that has it.
      nat.delete(outwardOf(inward, held));
      nat.delete(inward);
    }
    if (inUse(walk, address, port)) continue;
    nat.set(inward, { address: ipv4(source), port: sourcePort, expires });
    nat.set(outwardKey(walk.goes, walk.protocol), { address: ipv4(address), port, expires });
    return port;
  }
  throw new Drop(DropReason.DROP_NO_NAT_MAPPING);
}

/**
 * May a port be taken from whoever has it? From this very flow; from one that has expired; from a pod whose connection
 * conntrack knows to be over, for a mapping alone sees no connection end.
 */
function isIdle({ node, now, protocol, goes }: Walk, held: NatValue): boolean {
  if (held.expires < now || leadsTo(held, goes.source, goes.sourcePort)) return true;
  // The node's own flows are not in conntrack.
  if (held.address.w3 === node.config.nodeIpv4) return false;
  const { key } = ctKeyOf({ ...goes, source: held.address.w3, sourcePort: held.port }, protocol);
  const flow = node.maps.conntrack.use(key);
  return flow === undefined || flow.expires < now;
}

/** The packet's own port where that may be, then a random one and those after it. */
function* candidates({ node, protocol, goes }: Walk): Generator<number, void> {
  const { NAT_PORT_MIN, NAT_PORT_MAX, NAT_ATTEMPTS } = NatLimits;
  const own = goes.sourcePort;
  if (protocol === IpProtocol.SCTP) {
    // Its checksum covers the port.
    if (own >= NAT_PORT_MIN) yield own;
    return;
  }
  const random = (): number =>
    NAT_PORT_MIN + Math.floor(node.runtime.random.next() * (NAT_PORT_MAX - NAT_PORT_MIN + 1));
  // The node's own sockets keep low ports too.
  yield own >= NAT_PORT_MIN || goes.source === node.config.nodeIpv4 ? own : random();
  let port = random();
  for (let attempt = 1; attempt < NAT_ATTEMPTS; attempt++) {
    yield port;
    port = port === NAT_PORT_MAX ? NAT_PORT_MIN : port + 1;
  }
}

function inUse({ node, protocol, goes }: Walk, address: number, port: number): boolean {
  if (protocol !== IpProtocol.TCP && protocol !== IpProtocol.UDP) return false;
  return node.portInUse({ protocol, address, port, peer: goes.destination, peerPort: goes.destinationPort });
}

/**
 * A pod's ICMP error about a packet the world sent it. Where that came back through a mapping, the world must read of
 * the node's address and port; a flow that the world began knows the pod by its own address.
 */
export function natMasqueradeError(walk: Walk): void {
  const { inner, node } = walk;
  if (inner === undefined) return;
  const known = node.maps.nat.use(outwardKey(reversed(inner.ends), inner.protocol));
  if (known === undefined) return;
  const address = known.address.w3;
  rewriteInnerEnd(walk, "destination", address, known.port);
  rewriteEnd(walk, "source", address, walk.goes.sourcePort);
}

function reversed({ source, destination, sourcePort, destinationPort }: Ends): Ends {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
}

/**
 * Would the node's own packet collide with a pod that has been given this very port towards this peer? A flow that
 * collided once keeps its other port.
 */
export function natCollides(walk: Walk): boolean {
  const { nat } = walk.node.maps;
  const known = nat.use(outwardKey(walk.goes, walk.protocol));
  if (known !== undefined && known.expires >= walk.now) return true;
  const own = { address: walk.node.config.nodeIpv4, port: walk.goes.sourcePort };
  const back = nat.use(inwardKey(peerOf(walk.goes), own, walk.protocol));
  if (back === undefined || back.expires < walk.now) return false;
  return back.address.w3 !== walk.node.config.nodeIpv4;
}

/**
 * Undoes masquerading on a packet for the node: `goes` changes where it was a pod's or, to a backend elsewhere, a client's.
 *
 * @throws Drop
 */
export function natRestore(walk: Walk): void {
  if (walk.inner !== undefined) {
    restoreError(walk, walk.inner);
    return;
  }
  const { source, sourcePort, destination, destinationPort } = walk.goes;
  const own = { address: destination, port: destinationPort };
  const inward = inwardKey({ address: source, port: sourcePort }, own, walk.protocol);
  const back = walk.node.maps.nat.use(inward);
  if (back === undefined || back.expires < walk.now) return;
  const expires = touch(walk, inward, back);
  if (expires !== undefined) {
    touchOther(walk, outwardOf(inward, back), { address: ipv4(destination), port: destinationPort, expires });
  }
  rewriteEnd(walk, "destination", back.address.w3, back.port);
}

/** An ICMP error about a packet that was masqueraded: the pod must read of its own address and port. */
function restoreError(walk: Walk, { ends, protocol }: Inner): void {
  if (ends.source !== walk.goes.destination) return;
  const own = { address: ends.source, port: ends.sourcePort };
  const back = walk.node.maps.nat.use(inwardKey(peerOf(ends), own, protocol));
  if (back === undefined || back.expires < walk.now) return;
  const { port } = back;
  const address = back.address.w3;
  rewriteInnerEnd(walk, "source", address, port);
  walk.inner = { protocol, ends: { ...ends, source: address, sourcePort: port } };
  rewriteEnd(walk, "destination", address, walk.goes.destinationPort);
}
