import { isSocketError, openUdp, type OpenUdpOptions, type UdpSocket } from "@netloom/sockets";
import type { Random } from "./clock.ts";

/** What a session needs of a datagram socket; {@link UdpSocket} is one. */
export type BfdSocket = Pick<UdpSocket, "onMessage" | "onError" | "send" | "receive" | "close">;

export type OpenSocket = (options: OpenUdpOptions) => BfdSocket;

/** RFC 5881 section 4. */
export const CONTROL_PORT = 3784;
const FIRST_SOURCE = 49_152;
const SOURCES = 0x1_0000 - FIRST_SOURCE;

/** A distance of one hop, proved by the packet itself: RFC 5881 section 5. */
const HOPS = { ttl: 255, requireTtl: 255 } as const;

/** Of one of our addresses. */
export interface LocalEnd {
  readonly address: string;
  readonly interface: string | undefined;
  readonly netns: string | undefined;
}

/** Where packets arrive. */
export function openReceiver(open: OpenSocket, end: LocalEnd): BfdSocket {
  return open({ ...end, ...HOPS, port: CONTROL_PORT });
}

/** Where the packets of one session come from: a port of its own, as routers that spread flows like it. */
export function openSender(open: OpenSocket, end: LocalEnd, random: Random): BfdSocket {
  for (let attempt = 1; ; attempt += 1) {
    const port = FIRST_SOURCE + Math.floor(random() * SOURCES);
    try {
      return open({ ...end, ...HOPS, port });
    } catch (error) {
      if (attempt === 100 || !isSocketError(error, "ERR_ADDRESS_IN_USE")) throw error;
    }
  }
}

export const kernelSocket: OpenSocket = openUdp;
