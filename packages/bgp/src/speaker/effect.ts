import { isDeepStrictEqual } from "node:util";
import type { PeerConfig, SpeakerConfig } from "../api/config.ts";
import type { ConfigEffect } from "./types.ts";

/**
 * What the peer has been told in the OPEN, or the socket was made with, and how to name it. Everything else changes under
 * an open session: policies, limits, and timers from the next session on.
 */
const FIXED: readonly (readonly [what: string, of: (peer: PeerConfig) => unknown])[] = [
  ["remote", ({ remote }) => remote],
  ["remoteAsn", ({ remoteAsn }) => remoteAsn],
  ["localAsn", ({ localAsn }) => localAsn],
  ["localAddress", ({ localAddress }) => localAddress],
  ["passive", ({ passive }) => passive ?? false],
  ["transport", ({ transport }) => transport ?? {}],
  ["timers.hold", ({ timers }) => timers?.hold],
  ["gracefulRestart", ({ gracefulRestart }) => gracefulRestart ?? {}],
  ["role", ({ role }) => role],
  ["strictRole", ({ strictRole }) => strictRole ?? false],
  ["addPath", ({ addPath }) => addPath ?? {}],
  ["families", ({ families }) => Object.keys(families ?? {}).toSorted()],
];

/** Pure: what it means for whom that `before` becomes `after`. Both are valid. */
export function effectOf(before: SpeakerConfig | undefined, after: SpeakerConfig): ConfigEffect {
  const old = new Map(before?.peers.map((peer) => [peer.name, peer]));
  const added: string[] = [];
  const soft: string[] = [];
  const reset: { peer: string; because: string }[] = [];
  for (const peer of after.peers) {
    const known = old.get(peer.name);
    old.delete(peer.name);
    if (known === undefined) {
      added.push(peer.name);
      continue;
    }
    const because = whyReset(before!, after, known, peer);
    if (because !== undefined) reset.push({ peer: peer.name, because });
    else if (!isDeepStrictEqual(known, peer)) soft.push(peer.name);
  }
  return { added, removed: [...old.keys()], soft, reset };
}

function whyReset(
  before: SpeakerConfig,
  after: SpeakerConfig,
  known: PeerConfig,
  peer: PeerConfig,
): string | undefined {
  if (before.routerId !== after.routerId) return "routerId changed";
  if (before.asn !== after.asn) return "asn changed";
  const changed = FIXED.filter(([, of]) => !isDeepStrictEqual(of(known), of(peer))).map(([what]) => what);
  return changed.length === 0 ? undefined : `${changed.join(", ")} changed`;
}
