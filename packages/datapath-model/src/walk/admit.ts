import {
  CtFlag,
  CtState,
  DropReason,
  Hook,
  ReservedIdentity,
  type EndpointValue,
} from "@netloom/core/backend";
import { ctCreate, ctFind, ctTouch } from "./conntrack.ts";
import { allowedUnder, policyIngress } from "./policy.ts";
import { serviceRestore, serviceRestoreInner } from "./service.ts";
import { Drop } from "./verdict.ts";
import type { Walk } from "./walk.ts";

/**
 * May a packet from elsewhere reach this pod? Conntrack, ingress policy, and the frontend's address back where the pod
 * asked a service. `sourceIdentity` is set by the caller, who knows where the packet came from.
 *
 * @throws Drop
 */
export function admit(walk: Walk, pod: EndpointValue): void {
  const flow = ctFind(walk);
  walk.endpoint = pod.id;
  walk.destinationIdentity = pod.identity;
  // Before anything is remembered. Of what the stack forwards, the stack has counted the hop.
  if (walk.timeToLive <= 1 && walk.hook !== Hook.HOOK_TO_CONTAINER)
    throw new Drop(DropReason.DROP_TTL_EXCEEDED);
  // A frontend is nobody: what comes back to its client from there, or tells of its packets, is forged.
  if (flow?.has(CtFlag.CT_SERVICE) === true) throw new Drop(DropReason.DROP_INVALID_SOURCE_IP);
  if (flow !== undefined && walk.ctState !== CtState.CT_ESTABLISHED) {
    const reply = walk.ctState === CtState.CT_REPLY;
    if (reply) ctTouch(walk, flow);
    if (flow.has(CtFlag.CT_TRANSLATED)) (reply ? serviceRestore : serviceRestoreInner)(walk, flow);
    return;
  }
  // A pod that this node does not know yet: it may be one that policy denies. A tunnel would have said who it is.
  if (walk.hook === Hook.HOOK_FROM_NETDEV && walk.sourceIdentity === ReservedIdentity.IDENTITY_UNMANAGED) {
    throw new Drop(DropReason.DROP_UNKNOWN_IDENTITY);
  }
  policyIngress(walk, pod, flow);
  if (walk.flowless) return;
  if (flow?.has(CtFlag.CT_FROM_OUTSIDE) === false) {
    ctTouch(walk, flow);
    return;
  }
  // The client of a frontend asks its backend itself, on the same ports: that is another flow.
  const ingressAllowed = flow?.value.ingressAllowed ?? allowedUnder(pod.policy, walk.sourceIdentity);
  ctCreate(walk, walk.goes, { ingressAllowed });
}
