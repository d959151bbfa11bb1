import { DropReason, Outcome, ReservedIdentity } from "@netloom/core/backend";
import { admit } from "../walk/admit.ts";
import { endpointOf, identityOf, ipcacheLookup, isThisNode } from "../walk/ipcache.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { parseIpv4 } from "../walk/parse.ts";
import { forwarded } from "../walk/report.ts";
import { ACCEPT, Drop, type Verdict } from "../walk/verdict.ts";
import type { Walk } from "../walk/walk.ts";

/** What the node's own stack sends to a pod: the node side of its veth pair, egress. */
export function toContainer(walk: Walk): Verdict {
  const { node, packet } = walk;
  // The answers of from-container pass here.
  if (packet.etherType === ETHERTYPE_ARP) return ACCEPT;
  if (packet.etherType !== ETHERTYPE_IPV4) throw new Drop(DropReason.DROP_UNSUPPORTED_L2, { silent: true });
  parseIpv4(walk);
  const { source, destination } = walk.came;
  const pod = endpointOf(node, destination);
  if (pod === undefined || pod.ifindex !== packet.ifindex) throw new Drop(DropReason.DROP_UNROUTABLE);
  walk.sourceIdentity = isThisNode(node, source)
    ? ReservedIdentity.IDENTITY_HOST
    : identityOf(node, ipcacheLookup(node, source));
  admit(walk, pod);
  forwarded(walk, Outcome.OUTCOME_TO_ENDPOINT);
  return ACCEPT;
}
