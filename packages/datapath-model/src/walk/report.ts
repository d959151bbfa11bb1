import { ipv4 } from "@netloom/core";
import { EventLevel, Metric, Outcome } from "@netloom/core/backend";
import { IpProtocol } from "./protocols.ts";
import { DISCARD, type Drop, type Verdict } from "./verdict.ts";
import type { Walk } from "./walk.ts";

/** Counts a drop and tells of it. */
export function dropped(walk: Walk, { reason, silent }: Drop): Verdict {
  walk.node.count(reason, walk.packet.length);
  if (!silent && walk.node.eventLevel >= EventLevel.EVENTS_DROPS) {
    writeEvent(walk, Outcome.OUTCOME_DROPPED, reason);
  }
  return DISCARD;
}

/** Counts a packet that goes on, and tells of it where that is worth telling. */
export function forwarded(walk: Walk, outcome: Outcome): void {
  const level = walk.node.eventLevel;
  walk.node.count(Metric.METRIC_FORWARDED + outcome, walk.packet.length);
  if (level >= EventLevel.EVENTS_ALL || (walk.report && level >= EventLevel.EVENTS_FLOWS)) {
    writeEvent(walk, outcome, 0);
  }
}

function writeEvent(walk: Walk, outcome: Outcome, reason: number): void {
  const { came, goes } = walk;
  walk.node.events.push({
    time: walk.now,
    source: ipv4(came.source),
    destination: ipv4(came.destination),
    newSource: ipv4(goes.source),
    newDestination: ipv4(goes.destination),
    tunnel: ipv4(walk.tunnel),
    sourcePort: came.sourcePort,
    destinationPort: came.destinationPort,
    newSourcePort: goes.sourcePort,
    newDestinationPort: goes.destinationPort,
    sourceIdentity: walk.sourceIdentity,
    destinationIdentity: walk.destinationIdentity,
    egressPolicy: walk.egressPolicy,
    egressRule: walk.egressRule,
    ingressPolicy: walk.ingressPolicy,
    ingressRule: walk.ingressRule,
    service: walk.service,
    ifindex: walk.packet.ifindex,
    length: walk.packet.length,
    endpoint: walk.endpoint,
    // Of the C source: here the reason says it all.
    file: 0,
    line: 0,
    hook: walk.hook,
    outcome,
    reason,
    ctState: walk.ctState,
    egressMatch: walk.egressMatch,
    ingressMatch: walk.ingressMatch,
    protocol: walk.protocol,
    tcpFlags: walk.protocol === IpProtocol.ICMP ? walk.icmpType : walk.tcpFlags,
  });
}
