import { IpProtocol } from "@netloom/datapath-model";
import type { Input } from "./kernel.ts";
import { NODE, word } from "./places.ts";

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
      return new DataView(packet.buffer, packet.byteOffset).getUint32(30) === word(NODE) && isTcp(packet);
    },
  },
];

function isTcp(packet: Uint8Array): boolean {
  return packet[23] === IpProtocol.TCP;
}

/** The name of the difference that a packet would meet. */
export function knownDifference(packet: Uint8Array, input: Input): string | undefined {
  return KNOWN.find(({ applies }) => applies(packet, input))?.what;
}
