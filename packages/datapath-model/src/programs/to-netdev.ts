import { Outcome, ReservedIdentity } from "@netloom/core/backend";
import { MARK_MASK, MARK_NO_MASQUERADE } from "../walk/deliver.ts";
import { endpointOf } from "../walk/ipcache.ts";
import { natCollides, natMasquerade, natMasqueradeError } from "../walk/nat.ts";
import { ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { parseIpv4 } from "../walk/parse.ts";
import { forwarded } from "../walk/report.ts";
import { NOT_OURS, type Verdict } from "../walk/verdict.ts";
import type { Walk } from "../walk/walk.ts";
import { isTunnelOutside, refusalOf } from "./uplink.ts";

/** What leaves the node: the uplink, egress. Pods go under the node's address. */
export function toNetdev(walk: Walk): Verdict {
  const { node, packet } = walk;
  const { nodeIpv4, masquerade, worldIdentity } = node.config;
  const left = (packet.mark & MARK_MASK) === MARK_NO_MASQUERADE;
  if (masquerade === 0 || packet.etherType !== ETHERTYPE_IPV4 || left) return NOT_OURS;
  const refusal = refusalOf(() => parseIpv4(walk));
  if (walk.came.source === nodeIpv4) {
    if (refusal !== undefined || isTunnelOutside(walk) || !natCollides(walk)) return NOT_OURS;
    walk.sourceIdentity = ReservedIdentity.IDENTITY_HOST;
  } else {
    const pod = endpointOf(node, walk.came.source);
    if (pod === undefined) return NOT_OURS;
    walk.endpoint = pod.id;
    walk.sourceIdentity = pod.identity;
  }
  if (refusal !== undefined) throw refusal;
  walk.destinationIdentity = worldIdentity;
  if (walk.inner === undefined) natMasquerade(walk, nodeIpv4);
  else natMasqueradeError(walk);
  forwarded(walk, Outcome.OUTCOME_TO_NETDEV);
  return NOT_OURS;
}
