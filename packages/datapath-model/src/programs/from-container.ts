import {
  CtFlag,
  CtState,
  DropReason,
  PolicyMatch,
  ReservedIdentity,
  type EndpointValue,
} from "@netloom/core/backend";
import { answerArp } from "../walk/arp.ts";
import { ctCreate, ctFind, ctTouch, translatedAlike, type Flow, type Remembered } from "../walk/conntrack.ts";
import { toEndpoint, toNative, toOverlayNode, toStack, toUplink } from "../walk/deliver.ts";
import {
  endpointOf,
  identityOf,
  ipcacheLookup,
  isNative,
  isPodIdentity,
  isThisNode,
  tunnelOf,
} from "../walk/ipcache.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { parseIpv4 } from "../walk/parse.ts";
import { allowedUnder, policyEgress, policyIngress } from "../walk/policy.ts";
import { findNextHop } from "../walk/route.ts";
import {
  serviceRemember,
  serviceRestore,
  serviceRestoreInner,
  serviceTranslate,
  serviceTranslateInner,
} from "../walk/service.ts";
import { Drop, type Verdict } from "../walk/verdict.ts";
import type { Walk } from "../walk/walk.ts";

/** What leaves a pod: the node side of its veth pair, ingress. One program serves every pod of the node. */
export function fromContainer(walk: Walk): Verdict {
  const { node, packet } = walk;
  if (packet.etherType === ETHERTYPE_ARP) return answerArp(walk);
  if (packet.etherType !== ETHERTYPE_IPV4) throw new Drop(DropReason.DROP_UNSUPPORTED_L2, { silent: true });
  parseIpv4(walk);

  // Who speaks? Only the pod that owns the address, from its own device.
  const pod = endpointOf(node, walk.came.source);
  if (pod === undefined || pod.ifindex !== packet.ifindex) throw new Drop(DropReason.DROP_INVALID_SOURCE_IP);
  walk.endpoint = pod.id;
  walk.sourceIdentity = pod.identity;
  if (isGroup(walk.came.destination)) throw new Drop(DropReason.DROP_UNROUTABLE, { silent: true });

  // Which flow, and where to?
  const { flow, remember, chosen } = translate(walk, ctFind(walk));
  const { destination } = walk.goes;
  const peer = endpointOf(node, destination);
  const entry = peer === undefined ? ipcacheLookup(node, destination) : undefined;
  const tunnel = tunnelOf(entry);
  walk.destinationIdentity = peer?.identity ?? identityOf(node, entry);
  const native = isNative(entry) && tunnel === 0 && !isThisNode(node, destination);
  // Answers are from whom was asked; of errors, those about what came to a frontend.
  const aboutClients = walk.ctState === CtState.CT_RELATED && flow?.has(CtFlag.CT_FROM_OUTSIDE) === true;
  const ownAddress = walk.ctState === CtState.CT_REPLY || aboutClients;
  const refusal = refusalOnTheWay(walk, peer, tunnel, native);
  if (refusal !== undefined) throw new Drop(refusal);
  const leaves = peer === undefined && tunnel === 0 && !isThisNode(node, destination);
  const table = leaves ? tableOf(walk, pod, native || ownAddress || node.config.masquerade === 0) : 0;
  const nextHop = native || table !== 0 ? findNextHop(walk, table) : undefined;

  // May it? Both ends are asked here when both are here.
  const asked = walk.ctState === CtState.CT_NEW || walk.ctState === CtState.CT_ESTABLISHED;
  if (asked && peer !== undefined && destination === walk.came.source) {
    walk.egressMatch = walk.ingressMatch = PolicyMatch.POLICY_MATCH_SELF;
  } else if (asked) {
    policyEgress(walk, pod, flow);
    remember.egressAllowed = allowedUnder(pod.policy, walk.destinationIdentity);
    if (peer !== undefined) {
      policyIngress(walk, peer, flow);
      remember.ingressAllowed = allowedUnder(peer.policy, walk.sourceIdentity);
    }
  }

  // Remember it.
  if (asked && !walk.flowless) {
    if (flow !== undefined && translatedAlike(flow, remember)) {
      ctTouch(walk, flow);
    } else {
      const ofCluster =
        peer !== undefined || tunnel !== 0 || (native && isPodIdentity(walk.destinationIdentity));
      const outside = ofCluster ? 0 : CtFlag.CT_OUTSIDE;
      // What a known flow was allowed under stays: in lockdown nobody was asked.
      const allowed = flow === undefined ? remember : flow.value;
      const { egressAllowed = 0n, ingressAllowed = 0n } = allowed;
      const flags = (remember.flags ?? 0) | outside;
      ctCreate(walk, walk.goes, { ...remember, egressAllowed, ingressAllowed, flags });
    }
    if (chosen !== 0) serviceRemember(walk, chosen, 0);
  } else if (flow !== undefined && !walk.flowless) {
    ctTouch(walk, flow);
  }

  // Send it on.
  if (peer !== undefined) return toEndpoint(walk, peer);
  if (isThisNode(node, destination)) return toStack(walk);
  if (tunnel !== 0) return toOverlayNode(walk, tunnel);
  if (nextHop !== undefined) return toNative(walk, nextHop);
  return toUplink(walk, { ownAddress });
}

/**
 * The table whose routes a packet must take; 0: any that the node has. An address that is of one interface leaves by it, or
 * the fabric drops it: not what speaks as a frontend or, masqueraded, as the node.
 */
function tableOf({ goes, came }: Walk, { table }: EndpointValue, keepsAddress: boolean): number {
  return keepsAddress && goes.source === came.source ? table : 0;
}

/** Why there is no way for it. */
function refusalOnTheWay(
  { node, goes, destinationIdentity, timeToLive }: Walk,
  peer: EndpointValue | undefined,
  tunnel: number,
  native: boolean,
): DropReason | undefined {
  if (peer === undefined) {
    if (isThisNode(node, goes.destination)) return undefined;
    if (tunnel !== 0)
      return node.config.overlayIfindex === 0 ? DropReason.DROP_NO_TUNNEL_ENDPOINT : undefined;
    // Of a pod CIDR, but nobody's.
    if (destinationIdentity === ReservedIdentity.IDENTITY_UNMANAGED && !native)
      return DropReason.DROP_UNROUTABLE;
  }
  return timeToLive <= 1 ? DropReason.DROP_TTL_EXCEEDED : undefined;
}

interface Translated {
  /** Between the pods themselves. */
  readonly flow: Flow | undefined;
  readonly remember: Partial<Remembered>;
  readonly chosen: number;
}

/** Frontends become backends and backends frontends again. */
function translate(walk: Walk, flow: Flow | undefined): Translated {
  const unchanged = { flow, remember: {}, chosen: 0 };
  if (walk.ctState === CtState.CT_REPLY || walk.ctState === CtState.CT_RELATED) {
    if (flow !== undefined) translateBack(walk, flow);
    return unchanged;
  }
  // A known flow between pods is no service's. One that leaves the cluster may have become one.
  if (flow !== undefined && !flow.has(CtFlag.CT_SERVICE | CtFlag.CT_OUTSIDE)) return unchanged;
  const translation = serviceTranslate(walk, flow);
  if (translation !== undefined) return { flow: ctFind(walk), ...translation };
  if (flow?.has(CtFlag.CT_SERVICE) !== true) return unchanged;
  // The frontend itself has become its backend: a plain flow, under the key of the service's.
  walk.ctState = CtState.CT_NEW;
  return { ...unchanged, flow: undefined };
}

function translateBack(walk: Walk, flow: Flow): void {
  const related = walk.ctState === CtState.CT_RELATED;
  if (flow.has(CtFlag.CT_SERVICE)) {
    // A frontend is nobody: its client alone may speak of a flow to it, and only of the answers.
    if (!related || walk.origin) throw new Drop(DropReason.DROP_INVALID_SOURCE_IP);
    serviceTranslateInner(walk, flow);
  } else if (flow.has(CtFlag.CT_TRANSLATED)) (related ? serviceRestoreInner : serviceRestore)(walk, flow);
}

/** Multicast (RFC 5771), and broadcast to whoever is on the link. */
function isGroup(address: number): boolean {
  return address >>> 28 === 0xe || address === 0xffff_ffff;
}
