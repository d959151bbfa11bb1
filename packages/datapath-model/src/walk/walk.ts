import { CtState, PolicyMatch, type Hook } from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import type { Packet } from "./packet.ts";

/**
 * The ends of a flow, IPv4. Of an ICMP echo the asking end has the identifier for its port and the other one 0, so that
 * an echo the other way is a flow of its own. Ports of a protocol without any are 0.
 */
export interface Ends {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const NOBODY: Ends = { source: 0, destination: 0, sourcePort: 0, destinationPort: 0 };

/** The packet that an ICMP error is about. */
export interface Inner {
  readonly ends: Ends;
  readonly protocol: number;
}

/** One pass of one packet through one program: what is known so far. Its event is written from it. */
export class Walk {
  readonly node: NodeState;
  readonly packet: Packet;
  readonly hook: Hook;
  /** Nanoseconds. */
  readonly now: bigint;
  /** The packet as it came, */
  came: Ends = NOBODY;
  /** and as it is now. */
  goes: Ends = NOBODY;
  /** ICMP, but no echo: asked about each time, never remembered. */
  flowless = false;
  /** Set for an ICMP error. */
  inner: Inner | undefined;
  timeToLive = 0;
  protocol = 0;
  tcpFlags = 0;
  icmpType = 0;
  /** Of the transport header, from the Ethernet header. */
  transport = 0;
  /** Its flow is known: it, or `inner`, goes the way of the flow's first packet. */
  origin = false;
  /** Not the first: it has no transport header. */
  laterFragment = false;
  ctState: CtState = CtState.CT_NEW;
  sourceIdentity = 0;
  destinationIdentity = 0;
  egressPolicy = 0;
  egressRule = 0;
  egressMatch: PolicyMatch = PolicyMatch.POLICY_MATCH_NONE;
  ingressPolicy = 0;
  ingressRule = 0;
  ingressMatch: PolicyMatch = PolicyMatch.POLICY_MATCH_NONE;
  /** Number of the Maglev table that chose its destination; 0: none did. */
  service = 0;
  /** The node at the other end of the tunnel; 0: none. */
  tunnel = 0;
  /** Number of the pod of this node whose packet it is. */
  endpoint = 0;
  /** Worth an event although all went well. */
  report = false;

  constructor(node: NodeState, packet: Packet, hook: Hook) {
    this.node = node;
    this.packet = packet;
    this.hook = hook;
    this.now = node.now();
  }
}
