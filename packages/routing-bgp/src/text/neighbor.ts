import type { PeerStatus } from "@netloom/bgp";
import { describeNotification } from "@netloom/bgp/wire";
import { upFor } from "./summary.ts";
import { duration, plain, table } from "./table.ts";

/**
 * All that is known of a peer.
 *
 * @param now - milliseconds since 1970
 */
export function formatNeighbor(peer: PeerStatus, now: number): string {
  const up = upFor(peer, now);
  const facts: readonly (readonly [string, string])[] = [
    ["State", up === undefined ? peer.state : `${peer.state} for ${up}`],
    ["Established", times(peer.established)],
    [
      "Remote",
      `${peer.remoteAddress}, AS ${peer.remoteAsn ?? "unknown"}, router ID ${peer.remoteRouterId ?? "unknown"}`,
    ],
    ["Local", peer.localAddress ?? "-"],
    [
      "Hold time",
      peer.holdTime === undefined ? "-" : `${peer.holdTime} s, keepalive each ${peer.keepalive ?? 0} s`,
    ],
    ["Capabilities", peer.capabilities.length === 0 ? "-" : peer.capabilities.join(", ")],
    ["Messages", `${peer.messages.received} received, ${peer.messages.sent} sent`],
    ...lastError(peer, now),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `  ${name.padEnd(width)}  ${plain(value)}`);
  const families =
    peer.families.length === 0
      ? []
      : [
          "",
          table(
            ["Family", "Received", "Accepted", "Stale", "Advertised", "End-of-RIB"],
            peer.families.map((family) => [
              family.family,
              family.received,
              family.accepted,
              family.stale,
              family.advertised,
              family.endOfRib ? "yes" : "no",
            ]),
          ),
        ];
  return `${[`Peer ${plain(peer.name)}`, ...lines, ...families].join("\n")}\n`;
}

function lastError({ lastError: error }: PeerStatus, now: number): readonly (readonly [string, string])[] {
  if (error === undefined) return [];
  const ago = `${duration(now - error.at)} ago: ${error.message}`;
  const notification = error.notification;
  return [
    ["Last error", ago],
    ...(notification === undefined ? [] : [["Notification", describeNotification(notification)] as const]),
  ];
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
