import { BgpError } from "../errors.ts";
import { socketOptions } from "../session/target.ts";
import type { ExpectedPeer } from "../transport/transport.ts";
import type { PeerConfig, SpeakerConfig } from "../api/config.ts";
import type { World } from "./deps.ts";

/** Who may call, and what the listening sockets must know of them before. */
export function expectationsOf({ asn, peers }: SpeakerConfig): ExpectedPeer[] {
  return peers.flatMap((peer): ExpectedPeer[] => {
    const { remote } = peer;
    if ("interface" in remote) return [];
    return [
      {
        remote: "address" in remote ? remote.address : remote.dynamic,
        ...socketOptions(peer, peer.localAsn ?? asn),
      },
    ];
  });
}

/** @throws {@link BgpError} `ERR_BGP_CONFIG`: better now than as a connection that never comes about. */
export function requireSupport({ peers }: SpeakerConfig, { transport, failureDetector }: World): void {
  for (const peer of peers) {
    const { md5, multihop, ttlSecurity, interface: device } = peer.transport ?? {};
    const { supports } = transport;
    if (md5 !== undefined && !supports.md5) throw lacking(peer, "TCP-MD5");
    if ((multihop ?? ttlSecurity) !== undefined && !supports.ttl) throw lacking(peer, "a TTL of sockets");
    if (device !== undefined && !supports.interface) throw lacking(peer, "sockets bound to a device");
    if (peer.failureDetector !== undefined && failureDetector === undefined)
      throw new BgpError("ERR_BGP_CONFIG", `peer ${peer.name}: there is no failure detector`, {
        input: peer.failureDetector,
        remedy: "give the speaker one, e.g. that of @netloom/bfd",
      });
  }
}

function lacking({ name }: PeerConfig, what: string): BgpError {
  return new BgpError("ERR_BGP_CONFIG", `peer ${name}: the transport has no ${what}`, {
    remedy: "use tcp(), or leave it out",
  });
}
