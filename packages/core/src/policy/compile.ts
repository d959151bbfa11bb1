import { PolicyShape } from "../datapath/schema.generated.ts";
import { gather, type Column, type ResolvedRule } from "./columns.ts";
import { ALL_L4, areApart, blockKey, mask, type L4Block } from "./l4.ts";

/** One entry of the policy map, without the number of its set and its direction. */
export interface PolicyEntry extends L4Block {
  /** Of the peer; 0: any. */
  readonly identity: number;
  readonly deny: boolean;
  readonly rule: number;
}

/** One direction of a policy set. */
export interface CompiledDirection {
  readonly entries: readonly PolicyEntry[];
  /** Which probes the entries need, and what holds where none is found: bits of {@link PolicyShape}. */
  readonly shape: number;
}

interface Box {
  readonly block: L4Block;
  readonly deny: boolean;
  readonly rule: number;
}

/** By {@link blockKey}. */
type Boxes = Map<number, Box>;

/**
 * Turns rules into entries such that the first one found decides, in the datapath's order: longer port blocks
 * first, the peer's own identity before any identity.
 *
 * A deny beats every allow it overlaps, so two kinds of entry need care: an allow inside a deny is left out, and
 * where an allow for anyone would be found before a wider deny of one peer, that peer gets the deny at the same
 * length too. Everything else the order settles by itself.
 */
export function compileDirection(rules: Iterable<ResolvedRule>, enforced: boolean): CompiledDirection {
  const anyone: Boxes = new Map();
  const named: ResolvedRule[] = [];
  for (const resolved of rules) {
    const { rule, deny, blocks, peers } = resolved;
    if (peers === undefined) for (const block of blocks) add(anyone, { block, deny, rule });
    else named.push(resolved);
  }
  const general = withoutCovered(anyone, anyone);
  const entries = toEntries(0, general);
  const columns = gather(named);
  const blocks = [...columns.map(({ block }) => block), ...[...anyone.values()].map(({ block }) => block)];
  if (areApart(blocks)) columnEntries(columns, general, entries);
  else peerEntries(columns, general, entries);
  return { entries, shape: shapeOf(entries, enforced) };
}

/** Where no block holds another, each stands for itself: a deny beats an allow of the same block, and that is all. */
function columnEntries(columns: readonly Column[], general: Boxes, entries: PolicyEntry[]): void {
  for (const { block, ids, rules, denies } of columns) {
    const denied = denyOver(general, block) !== undefined;
    for (const [at, identity] of ids.entries()) {
      const deny = denies[at]!;
      if (deny || !denied) entries.push({ identity, ...block, deny, rule: rules[at]! });
    }
  }
}

/** Otherwise each identity's blocks are looked at together. */
function peerEntries(columns: readonly Column[], general: Boxes, entries: PolicyEntry[]): void {
  const peers = new Map<number, Boxes>();
  for (const { block, ids, rules, denies } of columns) {
    const key = blockKey(block);
    for (const [at, id] of ids.entries()) {
      let boxes = peers.get(id);
      if (boxes === undefined) peers.set(id, (boxes = new Map()));
      boxes.set(key, { block, deny: denies[at]!, rule: rules[at]! });
    }
  }
  for (const [id, boxes] of peers) for (const entry of compilePeer(id, boxes, general)) entries.push(entry);
}

/** The entries of one identity, given those of anyone. */
function compilePeer(identity: number, own: Boxes, general: Boxes): PolicyEntry[] {
  const boxes = withoutCovered(withoutCovered(own, own), general);
  const denies = [...own.values()].some((box) => box.deny);
  if (denies) {
    for (const [key, { block, deny }] of general) {
      const wider = deny ? undefined : denyOver(own, block);
      if (wider !== undefined) boxes.set(key, { block, deny: true, rule: wider.rule });
    }
  }
  return toEntries(identity, boxes);
}

function add(boxes: Boxes, box: Box): void {
  const key = blockKey(box.block);
  const known = boxes.get(key);
  if (known === undefined || (box.deny && !known.deny)) boxes.set(key, box);
}

/** `boxes` less the allows that a deny among `denies` covers. */
function withoutCovered(boxes: Boxes, denies: Boxes): Boxes {
  const kept: Boxes = new Map();
  for (const [key, box] of boxes) {
    if (box.deny || denyOver(denies, box.block) === undefined) kept.set(key, box);
  }
  return kept;
}

/** The deny that covers a block: one look-up for each block around it. */
function denyOver(boxes: Boxes, block: L4Block): Box | undefined {
  const everything = boxes.get(blockKey(ALL_L4));
  if (everything?.deny === true) return everything;
  for (let bits = block.bits; bits >= 0; bits--) {
    const around = boxes.get(blockKey({ protocol: block.protocol, port: block.port & mask(bits), bits }));
    if (around?.deny === true) return around;
  }
  return undefined;
}

function toEntries(identity: number, boxes: Boxes): PolicyEntry[] {
  return [...boxes.values()].map(({ block, deny, rule }) => ({ identity, ...block, deny, rule }));
}

function shapeOf(entries: Iterable<L4Block>, enforced: boolean): number {
  let shape = enforced ? 0 : PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW;
  for (const { protocol, bits } of entries)
    shape |= protocol === 0 ? PolicyShape.POLICY_SHAPE_ANY_PROTOCOL : 1 << bits;
  return shape >>> 0;
}
