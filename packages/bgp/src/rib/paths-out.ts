import { writeUint32 } from "../wire/bytes.ts";
import type { WireContext } from "../wire/context.ts";
import { packReach, packWithdraw, type PrefixSource } from "../wire/pack.ts";
import type { AdjOut, PeerOut } from "./adj-out.ts";
import { Candidates } from "./decision.ts";
import { Encoder } from "./encoder.ts";
import type { Export } from "./export.ts";
import type { FamilyRib } from "./family-rib.ts";
import { PendingList } from "./pending-list.ts";
import type { Source } from "./source.ts";

/** A path that the peer has, or is to have, under an identifier of ours. */
interface SentPath {
  readonly pathId: number;
  /** Where it is from, and the identifier it has there. */
  source: Source;
  readonly sourcePathId: number;
  id: number;
}

interface Item {
  readonly prefix: number;
  readonly pathId: number;
}

/** Prefixes that share messages. */
const ROUND = 16_384;
/** Prefixes looked at in one call: a few milliseconds, with several paths each. */
const SLICE = 1024;
const NOTHING_YET = new Uint8Array(0);
/** Bytes of a path identifier. */
const IDENTIFIER = 4;

/**
 * All usable paths of each prefix, as far as a peer gets them (RFC 7911). A path keeps its identifier as long as the peer has
 * it. Made for few peers and few paths: here each path is an object.
 */
export class PathsOut implements PeerOut, PrefixSource {
  readonly allPaths = true;
  onPending: () => void = () => {};
  readonly #rib: FamilyRib;
  readonly #context: WireContext;
  readonly #wake: (out: AdjOut) => void;
  #export: Export;
  readonly #pending = new PendingList();
  /** By prefix: what the peer has once the groups have been sent. */
  readonly #paths = new Map<number, SentPath[]>();
  readonly #withdrawn: Item[] = [];
  /** By attributes. Prefixes and attributes of items are held. */
  readonly #groups = new Map<number, Item[]>();
  #grouped = 0;
  #batch: readonly Item[] = [];
  /** Prefixes of this round that have not been looked at yet: the first that wait. */
  #left = 0;
  readonly #candidates = new Candidates();
  /** Prefixes from the one up to, not including, the other are pending as a whole; `again`: whatever the peer has. */
  #next = 0;
  #end = 0;
  #again = false;
  readonly #encoder: Encoder;

  constructor(rib: FamilyRib, context: WireContext, policy: Export, wake: (out: AdjOut) => void) {
    this.#rib = rib;
    this.#context = context;
    this.#export = policy;
    this.#wake = wake;
    this.#encoder = new Encoder(rib.store, rib.table.family, context);
  }

  get pending(): number {
    return this.#pending.length + this.#grouped + this.#end - this.#next;
  }

  get advertised(): number {
    return this.#paths.size;
  }

  get loading(): boolean {
    return this.#rib.loading;
  }

  wake(): void {
    this.#wake(this);
  }

  mark(prefix: number): void {
    if (this.#isIdleForGood()) return;
    if (this.#push(prefix) && this.pending === 1) this.#wake(this);
  }

  get policy(): Export {
    return this.#export;
  }

  forget(source: Source): void {
    this.#export.forget(source);
  }

  setExport(policy: Export): void {
    this.#export = policy;
    this.markAll();
  }

  refresh(): void {
    this.#again = true;
    this.markAll();
  }

  markAll(): void {
    if (this.#isIdleForGood()) return;
    const idle = this.pending === 0;
    this.#next = 1;
    this.#end = this.#rib.table.limit;
    if (idle && this.pending > 0) this.#wake(this);
  }

  next(): Uint8Array | undefined {
    if (this.pending === 0) return this.#rest();
    if (this.#left === 0 && this.#grouped === 0) this.#begin();
    if (this.#left > 0) this.#group();
    if (this.#left > 0) return NOTHING_YET;
    if (this.#withdrawn.length > 0) return this.#withdraw();
    return this.#groups.size > 0 ? this.#announce() : NOTHING_YET;
  }

  close(): void {
    const { store, table } = this.#rib;
    this.onPending = () => {};
    while (this.#pending.length > 0) table.release(this.#pending.shift());
    for (const { prefix } of this.#withdrawn) table.release(prefix);
    for (const [id, items] of this.#groups) this.#letGo(id, items);
    for (const [prefix, paths] of this.#paths) {
      for (const { id } of paths) store.release(id);
      table.release(prefix);
    }
    this.#withdrawn.length = 0;
    this.#groups.clear();
    this.#paths.clear();
    this.#grouped = 0;
    this.#left = 0;
    this.#next = 0;
    this.#end = 0;
  }

  write(index: number, buffer: Uint8Array, at: number): number {
    const { prefix, pathId } = this.#batch[index]!;
    writeUint32(pathId, buffer, at);
    return this.#rib.table.writePrefix(prefix, buffer, at + IDENTIFIER);
  }

  prefixes(): Iterable<number> {
    return this.#paths.keys();
  }

  paths(prefix: number, visit: (id: number, pathId: number, source: Source) => void): void {
    for (const { id, pathId, source } of this.#paths.get(prefix) ?? []) visit(id, pathId, source);
  }

  sent(prefix: number): number {
    return this.#paths.get(prefix)?.[0]?.id ?? 0;
  }

  uncarried(prefix: number, id: number): string | undefined {
    return this.#encoder.refusalOf(id, IDENTIFIER + this.#rib.table.sizeOf(prefix));
  }

  /** The peer has nothing, and gets nothing whatever there is. */
  #isIdleForGood(): boolean {
    return this.#export.nothing && this.#paths.size === 0 && this.pending === 0;
  }

  #push(prefix: number): boolean {
    if (!this.#pending.push(prefix)) return false;
    this.#rib.table.retain(prefix);
    return true;
  }

  /** Marks a round of what {@link markAll} has marked as a whole. */
  #walk(): void {
    const end = Math.min(this.#end, this.#next + ROUND - Math.min(ROUND, this.#pending.length));
    for (; this.#next < end; this.#next += 1)
      if (this.#paths.has(this.#next) || this.#rib.bestId(this.#next) !== 0) this.#push(this.#next);
    if (this.#next < this.#end) return;
    this.#next = 0;
    this.#end = 0;
  }

  #begin(): void {
    if (this.#end > 0) this.#walk();
    // What is marked once it has been looked at is behind these: no prefix is there twice in a round.
    this.#left = Math.min(ROUND, this.#pending.length);
  }

  /** Looks at a slice of the round. */
  #group(): void {
    const slice = Math.min(SLICE, this.#left);
    this.#left -= slice;
    for (let count = slice; count > 0; count -= 1) {
      const prefix = this.#pending.shift();
      this.#look(prefix);
      this.#rib.table.release(prefix);
    }
    if (this.#pending.length + this.#end === 0) this.#again = false;
  }

  #look(prefix: number): void {
    const { store, table } = this.#rib;
    const before = this.#paths.get(prefix) ?? [];
    const after: SentPath[] = [];
    const fresh: (readonly [source: Source, sourcePathId: number, id: number])[] = [];
    const weight = IDENTIFIER + table.sizeOf(prefix);
    this.#rib.offers(prefix, this.#candidates);
    for (let at = 0; at < this.#candidates.length; at += 1) {
      const source = this.#candidates.sources[at]!;
      const id = this.#export.path(prefix, this.#candidates.ids[at]!, source);
      // What does not fit a message is as good as none: RFC 8654 section 4.
      if (id === 0 || this.#encoder.room(id) < weight) continue;
      const sourcePathId = this.#candidates.pathIds[at]!;
      const known = before.find(
        (path) => path.source.index === source.index && path.sourcePathId === sourcePathId,
      );
      if (known === undefined) {
        fresh.push([source, sourcePathId, id]);
        continue;
      }
      known.source = source;
      after.push(known);
      if (known.id === id && !this.#again) continue;
      store.retain(id);
      store.release(known.id);
      known.id = id;
      this.#put(id, { prefix, pathId: known.pathId });
    }
    // Identifiers of paths that go stay taken in this round: no path is both withdrawn and announced in it.
    const taken = new Set([...before, ...after].map(({ pathId }) => pathId));
    for (const [source, sourcePathId, id] of fresh) {
      let pathId = 1;
      while (taken.has(pathId)) pathId += 1;
      taken.add(pathId);
      store.retain(id);
      after.push({ pathId, source, sourcePathId, id });
      this.#put(id, { prefix, pathId });
    }
    for (const path of before) {
      if (after.includes(path)) continue;
      store.release(path.id);
      table.retain(prefix);
      this.#withdrawn.push({ prefix, pathId: path.pathId });
      this.#grouped += 1;
    }
    if (before.length === 0 && after.length > 0) table.retain(prefix);
    if (before.length > 0 && after.length === 0) table.release(prefix);
    if (after.length === 0) this.#paths.delete(prefix);
    else this.#paths.set(prefix, after);
  }

  #put(id: number, item: Item): void {
    this.#rib.store.retain(id);
    this.#rib.table.retain(item.prefix);
    const group = this.#groups.get(id);
    if (group === undefined) this.#groups.set(id, [item]);
    else group.push(item);
    this.#grouped += 1;
  }

  #withdraw(): Uint8Array {
    this.#batch = this.#withdrawn;
    const { message, taken } = packWithdraw(
      this.#context,
      this.#rib.table.family,
      this,
      0,
      this.#batch.length,
    );
    for (const { prefix } of this.#withdrawn.splice(0, taken)) this.#rib.table.release(prefix);
    this.#grouped -= taken;
    return message;
  }

  #announce(): Uint8Array {
    const [id, items] = this.#groups.entries().next().value!;
    this.#batch = items;
    const encoded = this.#encoder.encode(id)!;
    // There is room: what has none is in no group.
    const packed = packReach(this.#context, this.#rib.table.family, encoded, this, 0, items.length)!;
    this.#letGo(id, items.splice(0, packed.taken));
    this.#grouped -= packed.taken;
    if (items.length === 0) this.#groups.delete(id);
    return packed.message;
  }

  #letGo(id: number, items: readonly Item[]): void {
    this.#rib.store.release(id, items.length);
    for (const { prefix } of items) this.#rib.table.release(prefix);
  }

  /** Nothing waits: what served for it is given back. */
  #rest(): undefined {
    this.#pending.trim();
    this.#rib.store.collect();
  }
}
