import { IpProtocol } from "@netloom/datapath-model";
import type { Input } from "./kernel.ts";
import { NODE, NODE_PORT, word } from "./places.ts";

/** What the kernel does otherwise than it should, until it is mended: such packets are left out, and counted. */
interface Known {
  readonly what: string;
  readonly applies: (packet: Uint8Array, input: Input) => boolean;
}

const KNOWN: readonly Known[] = [
  {
    what: "a service whose backend has the frontend's address is taken for none",
    applies(packet, { at }) {
      if (at !== "from-container" || packet[12] !== 0x08 || packet[13] !== 0x00) return false;
      const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
      if (view.getUint8(23) !== IpProtocol.TCP || view.getUint32(30) !== word(NODE)) return false;
      // A later fragment has the port of the first.
      const later = (view.getUint16(20) & 0x1fff) !== 0;
      const port = 14 + (view.getUint8(14) & 0xf) * 4 + 2;
      return later || (port + 2 <= packet.length && view.getUint16(port) === NODE_PORT);
    },
  },
];

/** The name of the difference that a packet would meet. */
export function knownDifference(packet: Uint8Array, input: Input): string | undefined {
  return KNOWN.find(({ applies }) => applies(packet, input))?.what;
}
