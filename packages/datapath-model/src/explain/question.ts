import { icmpFrame, tcpFrame, udpFrame } from "../packets/build.ts";
import { TcpFlag } from "../walk/protocols.ts";

/** A packet to be explained: the first of a flow, unless its ports say that it is one of a flow that is known. */
export interface PacketQuestion {
  readonly source: string;
  readonly destination: string;
  readonly protocol: "TCP" | "UDP" | "ICMP";
  /** Of the destination. ICMP has none. @defaultValue 80 */
  readonly port?: number;
  /** @defaultValue 49152 */
  readonly sourcePort?: number;
  /** ICMP. @defaultValue echo request */
  readonly icmpType?: number;
  /** TCP. @defaultValue SYN */
  readonly tcpFlags?: number;
  /**
   * The node that the fabric brings it to, by name: of a packet for a service from outside. @defaultValue the first of those
   * given that serves it
   */
  readonly node?: string;
}

/** The first port that nobody has registered (RFC 6335 section 6). */
const SOME_PORT = 49_152;

/** The port of the destination. */
export function portOf({ port = 80 }: PacketQuestion): number {
  return port;
}

/** @throws what `parseAddress` throws. */
export function frameOf(question: PacketQuestion): Uint8Array {
  const { source, destination, protocol, sourcePort = SOME_PORT, icmpType } = question;
  const port = portOf(question);
  if (protocol === "ICMP") {
    return icmpFrame({
      source,
      destination,
      identifier: sourcePort,
      ...(icmpType === undefined ? {} : { type: icmpType }),
    });
  }
  const ends = { from: `${source}:${sourcePort}`, to: `${destination}:${port}` };
  return protocol === "TCP" ? tcpFrame({ ...ends, flags: question.tcpFlags ?? TcpFlag.SYN }) : udpFrame(ends);
}
