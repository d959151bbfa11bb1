import { ipv4 } from "@netloom/core";
import {
  CtFlag,
  CtState,
  DropReason,
  ReservedIdentity,
  type EndpointValue,
  type ServiceValue,
} from "@netloom/core/backend";
import { ctCreate, ctFind, ctTouch, translatedAlike, type Flow, type Remembered } from "./conntrack.ts";
import { identityOf, ipcacheLookup, isNative, isPodIdentity, isThisNode, tunnelOf } from "./ipcache.ts";
import { natMasquerade, natMasqueradeError } from "./nat.ts";
import { allowedUnder, policyIngress } from "./policy.ts";
import type { NextHop } from "../next-hop.ts";
import { findNextHop } from "./route.ts";
import {
  serviceRemember,
  serviceRestore,
  serviceRestoreInner,
  serviceTranslateFromOutside,
  serviceTranslateInner,
} from "./service.ts";
import { Drop } from "./verdict.ts";
import type { Ends, Walk } from "./walk.ts";
/*
 * Clients outside, and frontends that the fabric brings their packets for. A backend of this node sees its client; to one
 * of another node the client goes under this node's address, so that the answers come back here.
 */

/** A packet on its way from a client to a backend. */
export interface Served {
  /** Between client and backend, where it is known. */
  readonly flow: Flow | undefined;
  /** Of that flow. */
  readonly remember: Partial<Remembered>;
  /** The backend's number, where it was chosen for this packet; else 0. */
  readonly chosen: number;
}

/** The frontend that a packet is for; of an ICMP error, the one whose answer it is about. */
export function frontendAsked({ node, goes, inner, protocol }: Walk): ServiceValue | undefined {
  return node.maps.services.use({
    address: ipv4(goes.destination),
    port: inner === undefined ? goes.destinationPort : inner.ends.sourcePort,
    protocol: inner === undefined ? protocol : inner.protocol,
  });
}

/**
 * From the frontend to a backend.
 *
 * @returns `undefined` for an error about nothing that is known.
 * @throws Drop
 */
export function toBackend(walk: Walk, service: ServiceValue): Served | undefined {
  if (service.externalId === 0) throw new Drop(DropReason.DROP_IS_CLUSTER_IP);
  const found = ctFind(walk);
  // A pod of this node may have asked the same frontend: of its flow nobody outside knows.
  const asked =
    found?.has(CtFlag.CT_SERVICE) === true && found.has(CtFlag.CT_FROM_OUTSIDE) ? found : undefined;
  if (walk.flowless) {
    if (asked === undefined || walk.origin) return undefined;
    serviceTranslateInner(walk, asked);
    return { flow: undefined, remember: {}, chosen: 0 };
  }
  // As in admit.
  if (walk.sourceIdentity === ReservedIdentity.IDENTITY_UNMANAGED)
    throw new Drop(DropReason.DROP_UNKNOWN_IDENTITY);
  const translation = serviceTranslateFromOutside(walk, service, asked);
  const flow = ctFind(walk);
  if (walk.ctState !== CtState.CT_REPLY) return { flow, ...translation };
  // The backend has begun a flow of its own between the very ends.
  walk.ctState = CtState.CT_NEW;
  return { flow: undefined, ...translation };
}

/** Notes the flow. @param ends - client and backend. */
function rememberServed(walk: Walk, ends: Ends, { flow, remember, chosen }: Served): void {
  if (walk.ctState === CtState.CT_RELATED) return;
  if (flow !== undefined && translatedAlike(flow, remember)) ctTouch(walk, flow);
  else {
    // What a known flow was allowed under stays: in lockdown nobody was asked.
    const { ingressAllowed = 0n } = flow === undefined ? remember : flow.value;
    ctCreate(walk, ends, { ...remember, ingressAllowed });
  }
  if (chosen !== 0) serviceRemember(walk, chosen, CtFlag.CT_FROM_OUTSIDE);
}

/** To a backend of this node: as whoever the client is. @throws Drop */
export function serveHere(walk: Walk, pod: EndpointValue, served: Served): void {
  walk.endpoint = pod.id;
  walk.destinationIdentity = pod.identity;
  if (walk.timeToLive <= 1) throw new Drop(DropReason.DROP_TTL_EXCEEDED);
  if (walk.ctState === CtState.CT_RELATED) return;
  policyIngress(walk, pod, served.flow);
  const ingressAllowed = allowedUnder(pod.policy, walk.sourceIdentity);
  rememberServed(walk, walk.goes, { ...served, remember: { ...served.remember, ingressAllowed } });
}

/** To another node: through its tunnel, or natively by a next hop. */
export interface WayElsewhere {
  readonly tunnel: number;
  readonly nextHop: NextHop | undefined;
}

/** To a backend elsewhere: as this node, and in a tunnel as whoever the client is to the whole cluster. @throws Drop */
export function serveElsewhere(walk: Walk, served: Served): WayElsewhere {
  const { node, goes: ends } = walk;
  const way = wayElsewhere(walk);
  if (walk.ctState === CtState.CT_RELATED) {
    natMasqueradeError(walk);
    if (walk.goes.source === ends.source) throw new Drop(DropReason.DROP_NO_NAT_MAPPING);
  } else natMasquerade(walk, way.tunnel === 0 ? node.config.nodeIpv4 : node.config.routerIpv4);
  // What a number beyond these stands for, only this node knows.
  if (walk.sourceIdentity >= ReservedIdentity.IDENTITY_LOCAL_FIRST)
    walk.sourceIdentity = node.config.worldIdentity;
  rememberServed(walk, ends, served);
  return way;
}

function wayElsewhere(walk: Walk): WayElsewhere {
  const { node, goes } = walk;
  const entry = ipcacheLookup(node, goes.destination);
  const tunnel = tunnelOf(entry);
  walk.destinationIdentity = identityOf(node, entry);
  // Whose answers no program sees.
  if (isThisNode(node, goes.destination)) throw new Drop(DropReason.DROP_UNROUTABLE);
  if (tunnel !== 0) {
    if (node.config.overlayIfindex === 0) throw new Drop(DropReason.DROP_NO_TUNNEL_ENDPOINT);
    return { tunnel, nextHop: undefined };
  }
  // Nobody's, or a pod's of this node that is not there any more.
  const { destinationIdentity: identity } = walk;
  const ofCluster = identity === ReservedIdentity.IDENTITY_UNMANAGED || isPodIdentity(identity);
  if (ofCluster && !isNative(entry)) throw new Drop(DropReason.DROP_UNROUTABLE);
  if (walk.timeToLive <= 1) throw new Drop(DropReason.DROP_TTL_EXCEEDED);
  return { tunnel, nextHop: findNextHop(walk) };
}

/** What has come back from a backend elsewhere, and is for a client again: from its frontend. @throws Drop */
export function answerClient(walk: Walk): void {
  const flow = ctFind(walk);
  walk.destinationIdentity = identityOf(walk.node, ipcacheLookup(walk.node, walk.goes.destination));
  if (flow?.has(CtFlag.CT_FROM_OUTSIDE) !== true || flow.has(CtFlag.CT_SERVICE))
    throw new Drop(DropReason.DROP_UNROUTABLE);
  if (walk.timeToLive <= 1) throw new Drop(DropReason.DROP_TTL_EXCEEDED);
  if (walk.ctState === CtState.CT_RELATED && walk.origin) serviceRestoreInner(walk, flow);
  else if (walk.ctState === CtState.CT_REPLY) {
    ctTouch(walk, flow);
    serviceRestore(walk, flow);
  } else throw new Drop(DropReason.DROP_UNROUTABLE);
}
