import { DropReason, ReservedIdentity, type IpcacheValue, type ServiceValue } from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import { admit } from "../walk/admit.ts";
import { toEndpoint, toNative, toOverlayNode, toUplink } from "../walk/deliver.ts";
import { endpointOf, identityOf, ipcacheLookup, isNative, isThisNode, tunnelOf } from "../walk/ipcache.ts";
import { natRestore } from "../walk/nat.ts";
import { answerClient, frontendAsked, serveElsewhere, serveHere, toBackend } from "../walk/north-south.ts";
import { ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { parseIpv4 } from "../walk/parse.ts";
import { Drop, NOT_OURS, type Verdict } from "../walk/verdict.ts";
import type { Walk } from "../walk/walk.ts";
import { isTunnelOutside, readable } from "./uplink.ts";

/** What the fabric brings: the uplink, ingress. All that is no pod's and no frontend's passes untouched. */
export function fromNetdev(walk: Walk): Verdict {
  const { node, packet } = walk;
  if (packet.etherType !== ETHERTYPE_IPV4) return NOT_OURS;
  if (!readable(() => parseIpv4(walk))) return NOT_OURS;
  if (walk.came.destination === node.config.nodeIpv4) {
    if (isTunnelOutside(walk)) return NOT_OURS;
    natRestore(walk);
    if (walk.goes.destination === node.config.nodeIpv4) return NOT_OURS;
  }
  const pod = endpointOf(node, walk.goes.destination);
  const untouched = pod === undefined && walk.goes.destination === walk.came.destination;
  const service = untouched ? frontendAsked(walk) : undefined;
  if (untouched && service === undefined) return NOT_OURS;
  const entry = ipcacheLookup(node, walk.came.source);
  walk.sourceIdentity = identityOf(node, entry);
  if (forged(node, walk.came.source, entry)) throw new Drop(DropReason.DROP_INVALID_SOURCE_IP);
  if (service !== undefined) return serve(walk, service);
  if (pod === undefined) {
    answerClient(walk);
    return toUplink(walk, { ownAddress: true });
  }
  admit(walk, pod);
  return toEndpoint(walk, pod);
}

/** A client's packet for a frontend. */
function serve(walk: Walk, service: ServiceValue): Verdict {
  const served = toBackend(walk, service);
  if (served === undefined) return NOT_OURS;
  const pod = endpointOf(walk.node, walk.goes.destination);
  if (pod !== undefined) {
    serveHere(walk, pod, served);
    return toEndpoint(walk, pod);
  }
  const { tunnel, nextHop } = serveElsewhere(walk, served);
  return nextHop === undefined ? toOverlayNode(walk, tunnel) : toNative(walk, nextHop);
}

/**
 * The node's own addresses and its pods' never come this way, nor does what is behind a tunnel, nor what is of a pod CIDR
 * and not reached natively: it is forged.
 */
function forged(node: NodeState, source: number, entry: IpcacheValue | undefined): boolean {
  if (isThisNode(node, source) || endpointOf(node, source) !== undefined || tunnelOf(entry) !== 0)
    return true;
  return entry?.identity === ReservedIdentity.IDENTITY_UNMANAGED && !isNative(entry);
}
