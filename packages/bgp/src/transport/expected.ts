import { BlockList, isIPv6 } from "node:net";
import type { ExpectedPeer } from "./transport.ts";

/** Finds who calls among those that are expected. */
export interface ExpectedPeers {
  readonly all: readonly ExpectedPeer[];
  /** The one of the longest prefix. */
  find(remote: string): ExpectedPeer | undefined;
}

interface Candidate {
  readonly peer: ExpectedPeer;
  readonly prefix: BlockList;
  readonly length: number;
  readonly zone: string | undefined;
}

export function expectedPeers(all: readonly ExpectedPeer[]): ExpectedPeers {
  const candidates = all.map(candidate).sort((a, b) => b.length - a.length);
  return {
    all,
    find(remote) {
      const [address = "", zone] = remote.split("%");
      const family = familyOf(address);
      return candidates.find(
        (one) => (one.zone === undefined || one.zone === zone) && one.prefix.check(address, family),
      )?.peer;
    },
  };
}

export const familyOf = (address: string): "ipv4" | "ipv6" => (isIPv6(address) ? "ipv6" : "ipv4");

/** Without zone: an address as keys have it. */
export const withoutZone = (address: string): string => address.replace(/%.*$/, "");

function candidate(peer: ExpectedPeer): Candidate {
  const [text = "", given] = peer.remote.split("/");
  const [address = "", zone] = text.split("%");
  const family = familyOf(address);
  const length = given === undefined ? (family === "ipv4" ? 32 : 128) : Number(given);
  const prefix = new BlockList();
  prefix.addSubnet(address, length, family);
  return { peer, prefix, length, zone };
}
