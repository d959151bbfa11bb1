import { IcmpType, IpProtocol } from "@netloom/datapath-model";
import type { Input } from "./kernel.ts";

/** What the kernel does otherwise than it should, until it is mended: such packets are left out, and counted. */
interface Known {
  readonly what: string;
  readonly applies: (packet: Uint8Array, input: Input) => boolean;
}

const KNOWN: readonly Known[] = [
  {
    what: "masquerading gives a port to what has none to change",
    applies(packet, { at }) {
      if (at !== "to-netdev" || packet[12] !== 0x08 || packet[13] !== 0x00) return false;
      const protocol = packet[23]!;
      if (protocol === IpProtocol.ICMP) {
        return packet[14 + (packet[14]! & 0xf) * 4] !== IcmpType.ECHO_REQUEST;
      }
      return protocol !== IpProtocol.TCP && protocol !== IpProtocol.UDP;
    },
  },
];

/** The name of the difference that a packet would meet. */
export function knownDifference(packet: Uint8Array, input: Input): string | undefined {
  return KNOWN.find(({ applies }) => applies(packet, input))?.what;
}
