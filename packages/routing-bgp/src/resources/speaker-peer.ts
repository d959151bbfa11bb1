import type { Family, PeerConfig } from "@netloom/bgp";
import { ofFamily } from "@netloom/core/backend";
import type { ParsedPeerConfig } from "./parse-peer-config.ts";
import type { BgpInstance, BgpNode, BgpPeer } from "./types.ts";

/** What a speaker would refuse: one such peer is not to keep the others from being configured. */
export function whyUnusable(
  { localAsn, localPort }: BgpInstance,
  peer: BgpPeer,
  config: ParsedPeerConfig,
  md5: string | undefined,
): string | undefined {
  if (config.transport?.passive === true && localPort === undefined) {
    return "it waits to be called, and the instance has no localPort";
  }
  if (md5 !== undefined && peer.interface !== undefined) {
    return "TCP-MD5 needs to know its address, and it has an interface only";
  }
  if (md5 !== undefined && new TextEncoder().encode(md5).length > 80) {
    return "its password has more than 80 bytes";
  }
  // RFC 9234 section 4.1.
  if (config.role !== undefined && (peer.peerAsn === "internal" || peer.peerAsn === localAsn)) {
    return "it is internal, and has a role";
  }
  return undefined;
}

/** The peer as a speaker is told of it; its export policies are missing. */
export function peerOf(
  node: BgpNode,
  peer: BgpPeer,
  config: ParsedPeerConfig,
  md5: string | undefined,
  localAddress: string | undefined,
): PeerConfig {
  const { timers, role, addPath, enforceFirstAs, shutdown, bfd, transport = {}, families } = config;
  const port = transport.peerPort === undefined ? {} : { port: transport.peerPort };
  return {
    name: peer.name,
    remote:
      peer.interface === undefined
        ? { address: peer.peerAddress!, ...port }
        : { interface: peer.interface, ...port },
    remoteAsn: peer.peerAsn,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(transport.passive === undefined ? {} : { passive: transport.passive }),
    ...(shutdown === undefined ? {} : { shutdown }),
    transport: {
      ...(config.ebgpMultihop === undefined ? {} : { multihop: config.ebgpMultihop }),
      ...(config.ttlSecurity === undefined ? {} : { ttlSecurity: config.ttlSecurity }),
      ...(md5 === undefined ? {} : { md5 }),
      ...(transport.sourceInterface === undefined ? {} : { interface: transport.sourceInterface }),
    },
    ...(timers === undefined ? {} : { timers }),
    ...gracefulRestartOf(config),
    ...(role === undefined ? {} : { role }),
    ...(addPath === undefined ? {} : { addPath }),
    ...(enforceFirstAs === undefined ? {} : { enforceFirstAs }),
    ...(bfd === undefined ? {} : { failureDetector: bfd }),
    families: Object.fromEntries(
      families.map(({ family, import: policy, maxPrefixes }) => [
        family,
        {
          ...(policy === undefined ? {} : { import: policy }),
          ...(maxPrefixes === undefined ? {} : { maxPrefixes }),
          ...nextHopOf(node, peer, family),
        },
      ]),
    ),
  };
}

/**
 * Routes of the family that the session is not of need an address of the node's. Over a link-local session they have that
 * one (RFC 8950), for there all addresses of a node may be of the other family.
 */
function nextHopOf(node: BgpNode, { peerAddress }: BgpPeer, family: Family): { readonly nextHop?: string } {
  if (peerAddress === undefined || peerAddress.includes("%")) return {};
  const version = family === "ipv6-unicast" ? 6 : 4;
  if (peerAddress.includes(":") === (version === 6)) return {};
  const nextHop = ofFamily(node.addresses, version);
  return nextHop === undefined ? {} : { nextHop };
}

function gracefulRestartOf({
  gracefulRestart: config,
}: ParsedPeerConfig): Pick<PeerConfig, "gracefulRestart"> {
  if (config === undefined) return {};
  const { enabled = true, ...settings } = config;
  return { gracefulRestart: enabled ? settings : false };
}
