import type { Session } from "../session/session.ts";
import type { PeerConfig } from "../api/config.ts";
import type { FamilyStatus, PeerStatus } from "../api/status.ts";

/** A peer, put together from what its session knows. */
export function statusOf(
  name: string,
  config: PeerConfig,
  session: Session,
  families: readonly FamilyStatus[],
): PeerStatus {
  const { negotiated, stats, connection, state } = session;
  const { remote, remoteAsn } = config;
  return {
    name,
    remoteAddress: connection?.remote.address ?? ("address" in remote ? remote.address : ""),
    remoteAsn: negotiated?.remoteAsn ?? (typeof remoteAsn === "number" ? remoteAsn : undefined),
    remoteRouterId: negotiated?.remoteRouterId,
    localAddress: connection?.local.address,
    state,
    establishedAt: stats.establishedAt,
    established: stats.established,
    holdTime: negotiated?.holdTime,
    keepalive: negotiated?.keepalive,
    families,
    capabilities: negotiated?.capabilities ?? [],
    messages: { received: total(stats.received), sent: total(stats.sent) },
    lastError: lastErrorOf(session),
  };
}

function lastErrorOf({ lastError }: Session): PeerStatus["lastError"] {
  if (lastError === undefined) return undefined;
  const { message, notification } = lastError.error;
  return { message, at: lastError.at, ...(notification === undefined ? {} : { notification }) };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
