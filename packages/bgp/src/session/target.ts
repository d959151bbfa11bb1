import type { PeerConfig } from "../api/config.ts";
import type { SocketOptions } from "../transport/transport.ts";

/** Whom a session calls. */
export interface Target {
  /** `fe80::1%eth0` too. */
  readonly address: string;
  /** @defaultValue 179 */
  readonly port?: number | undefined;
  /** In the place of what the configuration says. */
  readonly interface?: string | undefined;
}

export const BGP_PORT = 179;
/** Of what is sent, where TTLs are checked: RFC 5082. */
const MAXIMUM_TTL = 255;

/** Where the configuration says it itself: not for dynamic and unnumbered peers. */
export function configuredTarget(config: PeerConfig): Target | undefined {
  return "address" in config.remote ? config.remote : undefined;
}

/** What sockets of a peer must do, called or calling. */
export function socketOptions(config: PeerConfig, localAsn: number): SocketOptions {
  const { multihop, ttlSecurity, md5, interface: device } = config.transport ?? {};
  const shared = { localAddress: config.localAddress, md5, interface: device };
  // Packets of a peer so many hops away arrive with at least this: RFC 5082 section 3.
  if (ttlSecurity !== undefined)
    return { ...shared, ttl: MAXIMUM_TTL, minimumTtl: MAXIMUM_TTL + 1 - ttlSecurity };
  if (multihop !== undefined) return { ...shared, ttl: multihop };
  return isExternal(config, localAsn) ? { ...shared, ttl: 1 } : shared;
}

function isExternal({ remoteAsn }: PeerConfig, localAsn: number): boolean {
  return typeof remoteAsn === "number" ? remoteAsn !== localAsn : remoteAsn === "external";
}
