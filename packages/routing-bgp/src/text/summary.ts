import type { FamilyStatus, PeerStatus } from "@netloom/bgp";
import type { BgpStatus } from "../status.ts";
import { duration, plain, table } from "./table.ts";

/**
 * One line a peer, a table an instance, and what keeps the configuration from being so.
 *
 * @param now - milliseconds since 1970
 */
export function formatSummary(status: BgpStatus, now: number): string {
  const instances = status.instances.map(({ name, asn, routerId, advertised, peers }) => {
    const title = `Instance ${name}: AS ${asn}, router ID ${routerId}, ${advertised} prefixes to advertise`;
    return peers.length === 0 ? `${title}\nno peers` : `${title}\n${peerTable(peers, now)}`;
  });
  const conditions = status.conditions.map(({ type, message }) => `${type}: ${plain(message)}`);
  const parts = [...(instances.length === 0 ? ["no speakers"] : instances), conditions.join("\n")];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function peerTable(peers: readonly PeerStatus[], now: number): string {
  const header = [
    "Peer",
    "Address",
    "AS",
    "State",
    "For",
    "Received",
    "Accepted",
    "Advertised",
    "Last error",
  ];
  const rows = peers.map((peer) => [
    peer.name,
    peer.remoteAddress,
    peer.remoteAsn ?? "-",
    peer.state,
    upFor(peer, now) ?? "-",
    sum(peer, "received"),
    sum(peer, "accepted"),
    sum(peer, "advertised"),
    peer.state === "established" ? "" : (peer.lastError?.message ?? ""),
  ]);
  return table(header, rows);
}

/** How long the session has been up, if it is. */
export function upFor({ state, establishedAt }: PeerStatus, now: number): string | undefined {
  return state === "established" && establishedAt !== undefined ? duration(now - establishedAt) : undefined;
}

function sum({ families }: PeerStatus, field: "received" | "accepted" | "advertised"): number {
  return families.reduce((total, family: FamilyStatus) => total + family[field], 0);
}
