import { IpProtocol } from "../walk/protocols.ts";
import { Drop } from "../walk/verdict.ts";
import type { Walk } from "../walk/walk.ts";
/*
 * What both programs of the uplink ask of a packet.
 */

/** The outside of a tunnel between nodes: its inside has been seen, or will be. */
export function isTunnelOutside({ node, protocol, came }: Walk): boolean {
  return protocol === IpProtocol.UDP && came.destinationPort === node.config.overlayPort;
}

/** Can it be read? Much that passes the uplink is none of ours, and is nobody's to drop. */
export function readable(parse: () => void): boolean {
  return refusalOf(parse) === undefined;
}

/** What is wrong with a packet that may be none of ours. */
export function refusalOf(parse: () => void): Drop | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof Drop) return error;
    throw error;
  }
}
