import { writeMac } from "@netloom/core";
import { Outcome, type EndpointValue } from "@netloom/core/backend";
import { ETHERNET_HEADER } from "./packet.ts";
import { forwarded } from "./report.ts";
import type { NextHop } from "../next-hop.ts";
import { ACCEPT, type Verdict } from "./verdict.ts";
import type { Walk } from "./walk.ts";
/*
 * The ways out of a program. Each ends the walk: it reports and returns the verdict. Whether a packet may take one is
 * asked before, and before it is remembered: what goes nowhere leaves nothing behind.
 */

/** `skb->mark`, bits 8 to 11: what has been done to a packet, for the programs that see it later on this node. */
export const MARK_MASK = 0x0f00;
export const MARK_NO_MASQUERADE = 0x0300;

/** Time to live, one less; RFC 1141 says how the checksum follows. */
function decrementTtl({ packet: { view } }: Walk): void {
  const ip = ETHERNET_HEADER;
  const ttl = view.getUint8(ip + 8);
  const check = view.getUint16(ip + 10) + 0x0100;
  view.setUint16(ip + 10, (check + (check >= 0xffff ? 1 : 0)) & 0xffff);
  view.setUint8(ip + 8, ttl - 1);
}

/** Into the pod's namespace, past the queue of the device in between. */
export function toEndpoint(walk: Walk, pod: EndpointValue): Verdict {
  decrementTtl(walk);
  writeMac(pod.mac, walk.packet.view, 0);
  writeMac(pod.gatewayMac, walk.packet.view, 6);
  forwarded(walk, Outcome.OUTCOME_TO_ENDPOINT);
  return { kind: "peer", ifindex: pod.ifindex };
}

/** To another node. The source identity travels as the VNI (RFC 7348 section 5). */
export function toOverlayNode(walk: Walk, node: number): Verdict {
  const { overlayIfindex } = walk.node.config;
  walk.tunnel = node;
  walk.packet.tunnel = { id: walk.sourceIdentity, remote: node };
  forwarded(walk, Outcome.OUTCOME_TO_OVERLAY);
  return { kind: "device", ifindex: overlayIfindex };
}

/** Out of the node by its uplink, to whichever next hop the node's routes name. */
export function toUplink(walk: Walk, { ownAddress }: { readonly ownAddress: boolean }): Verdict {
  decrementTtl(walk);
  if (ownAddress) walk.packet.mark = ((walk.packet.mark & ~MARK_MASK) | MARK_NO_MASQUERADE) >>> 0;
  forwarded(walk, Outcome.OUTCOME_TO_NETDEV);
  return { kind: "neighbour", ifindex: walk.node.config.uplinkIfindex };
}

/** The same, as it is: to a pod of another node, or to whoever else knows the way back to the pod. */
export function toNative(walk: Walk, { ifindex, address }: NextHop): Verdict {
  decrementTtl(walk);
  walk.packet.mark = ((walk.packet.mark & ~MARK_MASK) | MARK_NO_MASQUERADE) >>> 0;
  forwarded(walk, Outcome.OUTCOME_TO_NETDEV);
  return { kind: "neighbour", ifindex, nextHop: address };
}

/** To the node's own network stack. */
export function toStack(walk: Walk): Verdict {
  forwarded(walk, Outcome.OUTCOME_TO_STACK);
  return ACCEPT;
}
