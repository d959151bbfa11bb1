import {
  askPolicy,
  Direction,
  DropReason,
  EndpointFlag,
  PolicyMatch,
  PolicyShape,
  ReservedIdentity,
  type EndpointValue,
  type PolicyEntry,
} from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import type { Flow } from "./conntrack.ts";
import { IpProtocol } from "./protocols.ts";
import { Drop } from "./verdict.ts";
import type { Walk } from "./walk.ts";

/** What a flow notes when policy has allowed it: while set and peer are the same, the verdict is. */
export function allowedUnder(policy: number, identity: number): bigint {
  return (BigInt(policy) << 32n) | BigInt(identity);
}

/** Was it allowed under the very same before? 0 says that nobody was asked. */
function allowedBefore(before: bigint | undefined, now: bigint): boolean {
  return now !== 0n && before === now;
}

/** May the pod send this? Replies and errors about a known flow are not asked. @throws Drop */
export function policyEgress(walk: Walk, pod: EndpointValue, flow: Flow | undefined): void {
  const peer = walk.destinationIdentity;
  const allowed = allowedUnder(pod.policy, peer);
  walk.egressPolicy = pod.policy;
  if (allowedBefore(flow?.value.egressAllowed, allowed)) {
    walk.egressMatch = PolicyMatch.POLICY_MATCH_CACHED;
    return;
  }
  if (lockedDown(pod, flow?.value.egressAllowed)) return;
  const answer = ask(walk, pod, Direction.DIRECTION_EGRESS, peer);
  walk.egressRule = answer.rule;
  walk.egressMatch = answer.match;
  if (answer.reason !== undefined) throw new Drop(answer.reason);
  flow?.change({ egressAllowed: allowed });
}

/** May this reach the pod? @throws Drop */
export function policyIngress(walk: Walk, pod: EndpointValue, flow: Flow | undefined): void {
  const peer = walk.sourceIdentity;
  const allowed = allowedUnder(pod.policy, peer);
  walk.ingressPolicy = pod.policy;
  if (allowedBefore(flow?.value.ingressAllowed, allowed)) {
    walk.ingressMatch = PolicyMatch.POLICY_MATCH_CACHED;
    return;
  }
  if (walk.node.config.allowLocalHost !== 0 && peer === ReservedIdentity.IDENTITY_HOST) {
    walk.ingressMatch = PolicyMatch.POLICY_MATCH_LOCAL_HOST;
    return;
  }
  if (lockedDown(pod, flow?.value.ingressAllowed)) return;
  const answer = ask(walk, pod, Direction.DIRECTION_INGRESS, peer);
  walk.ingressRule = answer.rule;
  walk.ingressMatch = answer.match;
  if (answer.reason !== undefined) throw new Drop(answer.reason);
  flow?.change({ ingressAllowed: allowed });
}

/** In lockdown the sets cannot be trusted: what was allowed before goes on, nothing new begins. @throws Drop */
function lockedDown(pod: EndpointValue, allowedBefore: bigint | undefined): boolean {
  if ((pod.flags & EndpointFlag.ENDPOINT_LOCKDOWN) === 0) return false;
  if ((allowedBefore ?? 0n) === 0n) throw new Drop(DropReason.DROP_POLICY_LOCKDOWN);
  return true;
}

interface Answer {
  readonly reason: DropReason | undefined;
  readonly rule: number;
  readonly match: PolicyMatch;
}

/** Asks the pod's policy set by core's own engine: the first entry found, in the order of its probes, decides. */
function ask(walk: Walk, pod: EndpointValue, direction: Direction, identity: number): Answer {
  const { policy } = walk.node.maps;
  const shape = direction === Direction.DIRECTION_EGRESS ? pod.egressShape : pod.ingressShape;
  const { allowed, entry } = askPolicy(
    (identity, protocol, bits, port) => {
      const value = policy.use({ policy: pod.policy, identity, direction, protocol, portBits: bits, port });
      return value && { identity, protocol, bits, port, deny: value.deny !== 0, rule: value.rule };
    },
    shape,
    { identity, protocol: walk.protocol, port: policyPort(walk) },
    (peer) => isKnown(walk.node, peer),
  );
  return {
    rule: entry?.rule ?? 0,
    match: matchOf(entry),
    reason: allowed ? undefined : refusal(entry, shape),
  };
}

/** ICMP has no ports: rules name its type. */
function policyPort({ protocol, icmpType, goes }: Walk): number {
  return protocol === IpProtocol.ICMP ? icmpType : goes.destinationPort;
}

/** Set 0 marks the endpoints' identities that are written into this node's sets. */
function isKnown({ maps }: NodeState, identity: number): boolean {
  const mark = { policy: 0, identity, direction: 0, protocol: 0, portBits: 0, port: 0 };
  return maps.policy.use(mark) !== undefined;
}

function refusal(entry: PolicyEntry | undefined, shape: number): DropReason {
  if (entry?.deny === true) return DropReason.DROP_POLICY_DENY_RULE;
  const byDefault = (shape & PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW) !== 0;
  // Allowed but for who asks: it may be one of those that the set denies.
  return entry !== undefined || byDefault ? DropReason.DROP_UNKNOWN_IDENTITY : DropReason.DROP_POLICY_DENIED;
}

function matchOf(entry: PolicyEntry | undefined): PolicyMatch {
  if (entry === undefined) return PolicyMatch.POLICY_MATCH_NONE;
  const { identity, protocol, bits } = entry;
  if (identity !== 0) {
    if (bits !== 0) return PolicyMatch.POLICY_MATCH_L3_L4;
    return protocol === 0 ? PolicyMatch.POLICY_MATCH_L3 : PolicyMatch.POLICY_MATCH_L3_PROTOCOL;
  }
  if (bits !== 0) return PolicyMatch.POLICY_MATCH_L4;
  return protocol === 0 ? PolicyMatch.POLICY_MATCH_ALL : PolicyMatch.POLICY_MATCH_PROTOCOL;
}
