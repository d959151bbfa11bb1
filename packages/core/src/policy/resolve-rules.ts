import type { LabelSet } from "../labels/index.ts";
import type { ResolvedRule } from "./columns.ts";
import type { L4Block } from "./l4.ts";
import { blockOf, type NamedPort } from "./named-ports.ts";
import type { Peer } from "./parse-peers.ts";
import type { NumberedRule } from "./rule-book.ts";
import type { PolicyDirection } from "./types.ts";

/** Who peers are: all of them, or those among some. */
export interface KnownPeers {
  readonly resolve: (peer: Peer) => readonly number[] | undefined;
  readonly labelsOf: (id: number) => LabelSet | undefined;
}

/** Puts identities in place of peers, and numbers in place of names, as they are for one subject at this moment. */
export function* resolveRules(
  rules: Iterable<NumberedRule>,
  direction: PolicyDirection,
  subject: LabelSet,
  known: KnownPeers,
): Generator<ResolvedRule, void, undefined> {
  for (const { number, deny, blocks, named, peers } of rules) {
    const ids = peers === undefined ? undefined : union(peers, known);
    const base = { rule: number, deny };
    // The destination says what a name means: the subject itself, or each peer.
    const own = direction === "ingress" ? named.flatMap((port) => blockOf(port, subject) ?? []) : [];
    const all = [...blocks, ...own];
    if (all.length > 0) yield { ...base, blocks: all, peers: ids };
    if (direction === "ingress") continue;
    for (const port of named) {
      for (const [block, having] of byBlock(port, ids, known)) {
        yield { ...base, blocks: [block], peers: having };
      }
    }
  }
}

function union(peers: readonly Peer[], known: KnownPeers): readonly number[] | undefined {
  const [only] = peers;
  if (only !== undefined && peers.length === 1) return known.resolve(only);
  const ids = new Set<number>();
  for (const peer of peers) {
    const resolved = known.resolve(peer);
    if (resolved === undefined) return undefined;
    for (const id of resolved) ids.add(id);
  }
  return [...ids];
}

/** Those that have such a port, among `ids` or (`undefined`) among all, by what it is for them. */
function byBlock(
  port: NamedPort,
  ids: Iterable<number> | undefined,
  known: KnownPeers,
): Iterable<readonly [L4Block, number[]]> {
  const groups = new Map<number, readonly [L4Block, number[]]>();
  for (const id of ids ?? known.resolve({ kind: "selector", selector: port.having }) ?? []) {
    const block = blockOf(port, known.labelsOf(id));
    if (block === undefined) continue;
    const group = groups.get(block.port);
    if (group === undefined) groups.set(block.port, [block, [id]]);
    else group[1].push(id);
  }
  return groups.values();
}
