import { ipv4 } from "@netloom/core";
import {
  CtLifetime,
  Direction,
  DropReason,
  NatLimits,
  type NatKey,
  type NatValue,
} from "@netloom/core/backend";
import { IcmpType, IpProtocol } from "./protocols.ts";
import { rewriteEnd, rewriteInnerEnd } from "./rewrite.ts";
import { Drop } from "./verdict.ts";
import type { Ends, Walk } from "./walk.ts";
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

/** What comes back to the node from a peer. */
function inwardKey(
  walk: Walk,
  peer: { readonly address: number; readonly port: number },
  port: number,
  protocol: number,
): NatKey {
  return {
    source: ipv4(peer.address),
    destination: ipv4(walk.node.config.nodeIpv4),
    sourcePort: peer.port,
    destinationPort: port,
    protocol,
    direction: Direction.DIRECTION_INGRESS,
  };
}

function peerOf({ destination, destinationPort }: Ends): { address: number; port: number } {
  return { address: destination, port: destinationPort };
}

/** The next packet keeps the mapping as long as it keeps its flow. */
function expiry(walk: Walk): bigint {
  const lifetime =
    walk.protocol === IpProtocol.TCP ? CtLifetime.CT_LIFETIME_TCP : CtLifetime.CT_LIFETIME_OTHER;
  return walk.now + BigInt(lifetime) * SECOND;
}

function touch(walk: Walk, key: NatKey, value: NatValue): void {
  const expires = expiry(walk);
  if (expires > value.expires + SECOND) walk.node.maps.nat.set(key, { ...value, expires });
}

/** Gives a packet that leaves the node the node's address, and a port of its own. @throws Drop */
export function natMasquerade(walk: Walk): void {
  const { nat } = walk.node.maps;
  const key = outwardKey(walk.goes, walk.protocol);
  const known = nat.use(key);
  if (known !== undefined) {
    touch(walk, key, known);
    rewriteEnd(walk, "source", walk.node.config.nodeIpv4, known.port);
    return;
  }
  // A fragment came before the start of its flow, or the start was refused.
  if (walk.laterFragment) throw new Drop(DropReason.DROP_NO_NAT_MAPPING);
  const port = takePort(walk, key);
  walk.report = true;
  rewriteEnd(walk, "source", walk.node.config.nodeIpv4, port);
}

/** Takes a port towards the peer and writes both entries, the way back first. @throws Drop */
function takePort(walk: Walk, outward: NatKey): number {
  const { nat } = walk.node.maps;
  const { source, sourcePort } = walk.goes;
  const expires = expiry(walk);
  for (const port of candidates(walk)) {
    if (inUse(walk, port)) continue;
    const inward = inwardKey(walk, peerOf(walk.goes), port, walk.protocol);
    if (!nat.insert(inward, { address: ipv4(source), port: sourcePort, expires })) continue;
    nat.set(outward, { address: ipv4(walk.node.config.nodeIpv4), port, expires });
    return port;
  }
  throw new Drop(DropReason.DROP_NO_NAT_MAPPING);
}

/** The packet's own port where that may be, then a random one and those after it. */
function* candidates(walk: Walk): Generator<number, void> {
  const { NAT_PORT_MIN, NAT_PORT_MAX, NAT_ATTEMPTS } = NatLimits;
  const { node, goes } = walk;
  const random = (): number =>
    NAT_PORT_MIN + Math.floor(node.runtime.random.next() * (NAT_PORT_MAX - NAT_PORT_MIN + 1));
  if (!portCanChange(walk)) {
    yield goes.sourcePort;
    return;
  }
  // The node's own sockets keep low ports too.
  const keeps = goes.sourcePort >= NAT_PORT_MIN || goes.source === node.config.nodeIpv4;
  yield keeps ? goes.sourcePort : random();
  let port = random();
  for (let attempt = 1; attempt < NAT_ATTEMPTS; attempt++) {
    yield port;
    port = port === NAT_PORT_MAX ? NAT_PORT_MIN : port + 1;
  }
}

/** Has it a port at its source, and one that nothing but a checksum we know depends on? */
function portCanChange({ protocol, icmpType }: Walk): boolean {
  if (protocol === IpProtocol.ICMP) return icmpType === IcmpType.ECHO_REQUEST;
  return protocol === IpProtocol.TCP || protocol === IpProtocol.UDP;
}

function inUse({ node, protocol, goes }: Walk, port: number): boolean {
  if (protocol !== IpProtocol.TCP && protocol !== IpProtocol.UDP) return false;
  return node.portInUse({ protocol, port, peer: goes.destination, peerPort: goes.destinationPort });
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
  rewriteInnerEnd(walk, "destination", node.config.nodeIpv4, known.port);
  rewriteEnd(walk, "source", node.config.nodeIpv4, walk.goes.sourcePort);
}

function reversed({ source, destination, sourcePort, destinationPort }: Ends): Ends {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
}

/** Would the node's own packet collide with a pod that has been given this very port towards this peer? */
export function natCollides(walk: Walk): boolean {
  const inward = inwardKey(walk, peerOf(walk.goes), walk.goes.sourcePort, walk.protocol);
  const back = walk.node.maps.nat.use(inward);
  return back !== undefined && back.address.w3 !== walk.node.config.nodeIpv4;
}

/** Undoes masquerading on a packet for the node: `goes` changes where it was a pod's. @throws Drop */
export function natRestore(walk: Walk): void {
  const { inner, goes } = walk;
  if (inner !== undefined) {
    restoreError(walk);
    return;
  }
  const key = inwardKey(
    walk,
    { address: goes.source, port: goes.sourcePort },
    goes.destinationPort,
    walk.protocol,
  );
  const back = walk.node.maps.nat.use(key);
  if (back === undefined) return;
  touch(walk, key, back);
  rewriteEnd(walk, "destination", back.address.w3, back.port);
}

/** An ICMP error about a packet that was masqueraded: the pod must read of its own address and port. */
function restoreError(walk: Walk): void {
  const { ends, protocol } = walk.inner!;
  const key = inwardKey(walk, peerOf(ends), ends.sourcePort, protocol);
  const back = walk.node.maps.nat.use(key);
  if (back === undefined) return;
  touch(walk, key, back);
  const { port } = back;
  const address = back.address.w3;
  rewriteInnerEnd(walk, "source", address, port);
  walk.inner = { protocol, ends: { ...ends, source: address, sourcePort: port } };
  rewriteEnd(walk, "destination", address, walk.goes.destinationPort);
}
