import type { WireContext } from "../wire/context.ts";
import { packReach, packWithdraw, type PrefixSource } from "../wire/pack.ts";
import type { AdjOut, PeerOut } from "./adj-out.ts";
import { Candidates } from "./decision.ts";
import { Encoder } from "./encoder.ts";
import type { Export } from "./export.ts";
import type { EgressOptions } from "./egress.ts";
import type { FamilyRib } from "./family-rib.ts";
import { PendingList } from "./pending-list.ts";
import type { Source } from "./source.ts";

/** A path that the peer has, or is to have, under an identifier of ours. */
interface SentPath {
  readonly pathId: number;
  /** Where it is from: index of the source, and the identifier it has there. */
  readonly source: number;
  readonly sourcePathId: number;
  id: number;
}

interface Item {
  readonly prefix: number;
  readonly pathId: number;
}

/** Prefixes looked at in one call. */
const SLICE = 16_384;

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
  readonly #candidates = new Candidates();
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
    return this.#pending.length + this.#grouped;
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
    if (!this.#pending.push(prefix)) return;
    this.#rib.table.retain(prefix);
    if (this.pending === 1) this.#wake(this);
  }

  get options(): EgressOptions {
    return this.#export.options;
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

  next(): Uint8Array | undefined {
    while (this.pending > 0) {
      if (this.#grouped === 0) this.#group();
      const message = this.#withdrawn.length > 0 ? this.#withdraw() : this.#announce();
      if (message !== undefined) return message;
    }
    return undefined;
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
  }

  write(index: number, buffer: Uint8Array, at: number): number {
    const { prefix, pathId } = this.#batch[index]!;
    for (let byte = 0; byte < 4; byte += 1) buffer[at + byte] = pathId >>> (24 - byte * 8);
    return this.#rib.table.writePrefix(prefix, buffer, at + 4);
  }

  *entries(): Generator<readonly [prefix: number, pathId: number, id: number]> {
    for (const [prefix, paths] of this.#paths) for (const { pathId, id } of paths) yield [prefix, pathId, id];
  }

  sent(prefix: number): number {
    return this.#paths.get(prefix)?.[0]?.id ?? 0;
  }

  markAll(): void {
    for (const prefix of this.#paths.keys()) this.mark(prefix);
    for (let prefix = 1; prefix < this.#rib.table.limit; prefix += 1) {
      if (this.#rib.bestId(prefix) !== 0) this.mark(prefix);
    }
  }

  #group(): void {
    for (let count = Math.min(SLICE, this.#pending.length); count > 0; count -= 1) {
      const prefix = this.#pending.shift();
      this.#look(prefix);
      this.#rib.table.release(prefix);
    }
    if (this.#pending.length === 0) this.#again = false;
  }

  #look(prefix: number): void {
    const { store, table } = this.#rib;
    const before = this.#paths.get(prefix) ?? [];
    const after: SentPath[] = [];
    const fresh: (readonly [source: number, sourcePathId: number, id: number])[] = [];
    this.#rib.offers(prefix, this.#candidates);
    for (let at = 0; at < this.#candidates.length; at += 1) {
      const source = this.#candidates.sources[at]!;
      const id = this.#export.path(prefix, this.#candidates.ids[at]!, source);
      if (id === 0 || this.#encoder.encode(id) === undefined) continue;
      const sourcePathId = this.#candidates.pathIds[at]!;
      const known = before.find((path) => path.source === source.index && path.sourcePathId === sourcePathId);
      if (known === undefined) {
        fresh.push([source.index, sourcePathId, id]);
        continue;
      }
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

  #announce(): Uint8Array | undefined {
    for (const [id, items] of this.#groups) {
      this.#batch = items;
      const encoded = this.#encoder.encode(id)!;
      const packed = packReach(this.#context, this.#rib.table.family, encoded, this, 0, items.length);
      // A message's worth of attributes leaves no room: RFC 8654 section 4.
      const taken = packed?.taken ?? items.length;
      this.#letGo(id, items.splice(0, taken));
      this.#grouped -= taken;
      if (items.length === 0) this.#groups.delete(id);
      return packed?.message;
    }
    return undefined;
  }

  #letGo(id: number, items: readonly Item[]): void {
    this.#rib.store.release(id, items.length);
    for (const { prefix } of items) this.#rib.table.release(prefix);
  }
}
