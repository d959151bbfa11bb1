import { DropReason, ReservedIdentity } from "@netloom/core/backend";
import { admit } from "../walk/admit.ts";
import { toEndpoint, toStack, toUplink } from "../walk/deliver.ts";
import { endpointOf, isThisNode } from "../walk/ipcache.ts";
import { natRestore } from "../walk/nat.ts";
import { answerClient } from "../walk/north-south.ts";
import { ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { parseIpv4 } from "../walk/parse.ts";
import { Drop, type Verdict } from "../walk/verdict.ts";
import type { Walk } from "../walk/walk.ts";

/** What other nodes encapsulated: the tunnel device, ingress. The VNI says whose packet it is. */
export function fromOverlay(walk: Walk): Verdict {
  const { node, packet } = walk;
  if (packet.etherType !== ETHERTYPE_IPV4) throw new Drop(DropReason.DROP_UNSUPPORTED_L2, { silent: true });
  parseIpv4(walk);
  if (packet.tunnel === undefined) throw new Drop(DropReason.DROP_NO_TUNNEL_ENDPOINT);
  const { id, remote } = packet.tunnel;
  walk.tunnel = remote;
  walk.sourceIdentity = id;
  // No other node is this one.
  if (id === ReservedIdentity.IDENTITY_UNKNOWN || id === ReservedIdentity.IDENTITY_HOST) {
    throw new Drop(DropReason.DROP_INVALID_IDENTITY);
  }
  const pod = endpointOf(node, walk.came.destination);
  if (pod === undefined) {
    if (!isThisNode(node, walk.came.destination)) throw new Drop(DropReason.DROP_UNROUTABLE);
    const { routerIpv4 } = walk.node.config;
    if (walk.came.destination === routerIpv4) {
      natRestore(walk);
      if (walk.goes.destination !== routerIpv4) {
        answerClient(walk);
        return toUplink(walk, { ownAddress: true });
      }
    }
    walk.destinationIdentity = ReservedIdentity.IDENTITY_HOST;
    return toStack(walk);
  }
  admit(walk, pod);
  return toEndpoint(walk, pod);
}
