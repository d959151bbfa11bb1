import type { Family } from "../wire/family.ts";
import { withheldBecause } from "./egress.ts";
import { refusalOf } from "./ingress.ts";
import type { PeerFamily, PeerState } from "./peer-state.ts";

/** Why a peer gets a prefix or does not, and what has become of what it told about it, in a sentence or two. */
export function explainPrefix(
  state: PeerState,
  family: Family,
  text: string,
  us: { readonly asn: number; readonly routerId: string },
): string {
  const name = state.peer.name;
  const peerFamily = state.families.get(family);
  if (peerFamily === undefined) return `${name} carries no ${family}`;
  const prefix = peerFamily.rib.table.find(text);
  const sentences = [explainOut(state, peerFamily, prefix, text)];
  const told = prefix === 0 ? undefined : explainIn(state, peerFamily, prefix, us);
  if (told !== undefined) sentences.push(told);
  return sentences.join("; ");
}

function explainOut({ peer, source }: PeerState, family: PeerFamily, prefix: number, text: string): string {
  const { rib, out, exports } = family;
  const best = prefix === 0 ? 0 : rib.bestId(prefix);
  const not = `${peer.name} is not sent ${text}`;
  if (best === 0) return `${not}: there is no route`;
  if (out === undefined) return `${not}: the session is down`;
  if (out.sent(prefix) !== 0) return `${peer.name} has been sent ${text}`;
  const from = rib.bestSource(prefix)!;
  if (from.index === source.index) return `${not}: the best route is its own`;
  const withheld = withheldBecause(rib.store.get(best), from.from, out.policy.options);
  if (withheld !== undefined) return `${not}: ${withheld}`;
  if (exports === undefined) return `${not}: it has no export policy`;
  const id = out.policy.best(prefix);
  if (id === 0) return `${not}: the export policy refuses it`;
  const uncarried = out.uncarried(prefix, id);
  return uncarried === undefined ? `${not} yet: it waits to be sent` : `${not}: ${uncarried}`;
}

function explainIn(
  { peer }: PeerState,
  { rib, feed, imports, addresses }: PeerFamily,
  prefix: number,
  us: { readonly asn: number; readonly routerId: string },
): string | undefined {
  let answer: string | undefined;
  feed.adjIn.paths(prefix, (id) => {
    const refusal = refusalOf(rib.store.get(id), { peer, ...us, addresses });
    const passed = feed.passed(id, prefix);
    if (refusal !== undefined) answer = `its own route is not used: ${refusal}`;
    else if (imports === undefined) answer = "its own route is not used: it has no import policy";
    else if (passed === 0) answer = "its own route is not used: the import policy refuses it";
    else if (rib.bestSource(prefix) === feed.source) answer = "its own route is the best";
    else answer = `its own route is not the best: that is of ${rib.bestSource(prefix)?.name}`;
  });
  return answer;
}
