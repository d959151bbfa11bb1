import type { WireContext } from "../wire/context.ts";
import { packReach, packWithdraw, type PrefixSource } from "../wire/pack.ts";
import type { AdjOut, PeerOut } from "./adj-out.ts";
import { Buckets } from "./buckets.ts";
import { Encoder } from "./encoder.ts";
import type { Export } from "./export.ts";
import type { FamilyRib } from "./family-rib.ts";
import { PendingList } from "./pending-list.ts";
import { SentRoutes } from "./sent-routes.ts";
import type { Source } from "./source.ts";

/** Prefixes looked at in one call: a few milliseconds. */
const SLICE = 16_384;
const NOTHING_YET = new Uint8Array(0);

/**
 * The best route of each prefix, as far as a peer gets it. A change marks its prefix, however often: what is sent is what has
 * become of it when its turn comes, and nothing if that is what the peer has. The whole of what waits is grouped by
 * attributes, so that there are about as few messages as can be.
 */
export class BestOut implements PeerOut, PrefixSource {
  readonly allPaths = false;
  onPending: () => void = () => {};
  readonly #rib: FamilyRib;
  readonly #context: WireContext;
  readonly #wake: (out: AdjOut) => void;
  #export: Export;
  readonly #pending = new PendingList();
  readonly #buckets: Buckets;
  readonly #sent: SentRoutes;
  #waiting = 0;
  /** Prefixes from the one up to, not including, the other are pending as a whole; `again`: whatever the peer has. */
  #next = 0;
  #end = 0;
  #again = false;
  /** Something has changed about prefixes that are grouped. */
  #disturbed = false;
  /** The message that is being filled. */
  readonly #batch: number[] = [];
  readonly #encoder: Encoder;
  /** Attributes that do not fit a message of this session, by stamp. */
  readonly #unfit = new Set<number>();

  constructor(rib: FamilyRib, context: WireContext, policy: Export, wake: (out: AdjOut) => void) {
    this.#rib = rib;
    this.#context = context;
    this.#export = policy;
    this.#wake = wake;
    this.#sent = new SentRoutes(rib.store, rib.table);
    this.#encoder = new Encoder(rib.store, rib.table.family, context);
    this.#buckets = new Buckets(rib.store, this.#pending.link, context.maxMessage);
  }

  get pending(): number {
    return this.#waiting + this.#end - this.#next;
  }

  get advertised(): number {
    return this.#sent.count;
  }

  get loading(): boolean {
    return this.#rib.loading;
  }

  wake(): void {
    this.#wake(this);
  }

  mark(prefix: number): void {
    if (this.#export.nothing && this.#sent.count === 0 && this.#waiting === 0) return;
    if (this.#isNoNews(prefix)) return;
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
    this.#unfit.clear();
    this.markAll();
  }

  refresh(): void {
    this.#again = true;
    this.markAll();
  }

  markAll(): void {
    if (this.#export.nothing && this.#sent.count === 0 && this.#waiting === 0) return;
    const idle = this.pending === 0;
    // What is grouped was grouped by what may be no longer so.
    this.#disturbed = true;
    this.#next = 1;
    this.#end = this.#rib.table.limit;
    if (idle && this.pending > 0) this.#wake(this);
  }

  next(): Uint8Array | undefined {
    const grouped = this.#buckets.full() === undefined && this.#group();
    for (;;) {
      const id = this.#choose();
      if (id === undefined) break;
      const message = id === 0 ? this.#withdraw() : this.#announce(id);
      if (message !== undefined) return message;
    }
    if (this.pending === 0) this.#rest();
    const more = this.#pending.length + this.#end > 0 || (this.pending > 0 && !this.#rib.loading);
    return grouped && more ? NOTHING_YET : undefined;
  }

  close(): void {
    this.onPending = () => {};
    this.#buckets.clear();
    this.#pending.link.forEach((prefix) => {
      if (!this.#sent.has(prefix)) this.#rib.table.release(prefix);
    });
    this.#pending.clear();
    this.#sent.clear();
    this.#next = 0;
    this.#end = 0;
    this.#waiting = 0;
  }

  write(index: number, buffer: Uint8Array, at: number): number {
    return this.#rib.table.writePrefix(this.#batch[index]!, buffer, at);
  }

  prefixes(): Iterable<number> {
    return this.#sent.prefixes();
  }

  paths(prefix: number, visit: (id: number, pathId: number, source: Source | undefined) => void): void {
    const id = this.#sent.get(prefix);
    // Where it was from when it was sent is not kept.
    if (id !== 0) visit(id, 0, this.#rib.bestSource(prefix));
  }

  sent(prefix: number): number {
    return this.#sent.get(prefix);
  }

  uncarried(prefix: number, id: number): string | undefined {
    return this.#encoder.refusalOf(id, this.#weight(prefix));
  }

  /** What the peer is to have: 0, nothing. */
  #wanted(prefix: number): number {
    const id = this.#export.best(prefix);
    return this.#unfit.size > 0 && this.#unfit.has(this.#rib.store.stampOf(id)) ? 0 : id;
  }

  /** The peer has told it itself, and knows of no other: all that a peer tells comes by here. */
  #isNoNews(prefix: number): boolean {
    return this.#export.isOwn(prefix) && !this.#sent.has(prefix) && this.#pending.link.get(prefix) === 0;
  }

  #push(prefix: number): boolean {
    if (!this.#pending.push(prefix)) {
      this.#disturbed = true;
      return false;
    }
    if (!this.#sent.has(prefix)) this.#rib.table.retain(prefix);
    this.#waiting += 1;
    return true;
  }

  /** Marks a slice of what {@link markAll} has marked as a whole. */
  #walk(): void {
    const end = Math.min(this.#end, this.#next + SLICE - Math.min(SLICE, this.#pending.length));
    for (; this.#next < end; this.#next += 1) {
      const prefix = this.#next;
      if (this.#again) this.#sent.wantedAgain(prefix);
      if (this.#sent.has(prefix) || this.#rib.bestId(prefix) !== 0) this.#push(prefix);
    }
    if (this.#next < this.#end) return;
    this.#again = false;
    this.#next = 0;
    this.#end = 0;
  }

  /** Puts a slice of what waits into its groups. */
  #group(): boolean {
    const walks = this.#end > 0;
    if (walks) this.#walk();
    const slice = Math.min(SLICE, this.#pending.length);
    for (let count = 0; count < slice; count += 1) this.#place(this.#pending.shift(), undefined);
    return walks || slice > 0;
  }

  /** Into the group that the prefix belongs to now, unless the peer has what it should, or `done` is the group. */
  #place(prefix: number, done: number | undefined): boolean {
    const wanted = this.#wanted(prefix);
    if (wanted === done) return true;
    if (this.#sent.is(prefix, wanted)) this.#unmark(prefix);
    else this.#buckets.add(wanted, prefix, this.#weight(prefix));
    return false;
  }

  #unmark(prefix: number): void {
    this.#waiting -= 1;
    if (!this.#sent.has(prefix)) this.#rib.table.release(prefix);
  }

  /** The group that is sent next: a full one, or once all has been looked at, withdrawals before the rest. */
  #choose(): number | undefined {
    const full = this.#buckets.full();
    if (full !== undefined) return full;
    // What has not been looked at yet may fill them, and so may what is still to come.
    if (this.#pending.length + this.#end > 0 || this.#rib.loading) return undefined;
    return this.#buckets.has(0) ? 0 : this.#buckets.oldest();
  }

  /** Takes as much of a group as a message may hold into the batch. */
  #take(id: number): void {
    const weightOf = (prefix: number) => this.#weight(prefix);
    this.#batch.length = 0;
    for (let bytes = 0; bytes < this.#context.maxMessage;) {
      const prefix = this.#buckets.take(id, weightOf);
      if (prefix === 0) break;
      if (this.#disturbed && !this.#place(prefix, id)) continue;
      this.#batch.push(prefix);
      bytes += this.#weight(prefix);
    }
  }

  #withdraw(): Uint8Array | undefined {
    this.#take(0);
    if (this.#batch.length === 0) return undefined;
    const { message, taken } = packWithdraw(
      this.#context,
      this.#rib.table.family,
      this,
      0,
      this.#batch.length,
    );
    this.#done(0, taken);
    return message;
  }

  #announce(id: number): Uint8Array | undefined {
    this.#take(id);
    const packed = this.#batch.length === 0 ? undefined : this.#pack(id);
    if (packed !== undefined) {
      this.#done(id, packed.taken);
      return packed.message;
    }
    if (this.#batch.length > 0) this.#giveUp(id);
    this.#buckets.settle(id);
    return undefined;
  }

  #pack(id: number): { message: Uint8Array; taken: number } | undefined {
    const encoded = this.#encoder.encode(id);
    if (encoded === undefined) return undefined;
    return packReach(this.#context, this.#rib.table.family, encoded, this, 0, this.#batch.length);
  }

  /** Such attributes cannot be sent: who has the prefixes must not keep what it has (RFC 8654 section 4). */
  #giveUp(id: number): void {
    this.#unfit.add(this.#rib.store.stampOf(id));
    for (const prefix of this.#batch) this.#place(prefix, undefined);
    this.#disturbed = true;
  }

  /** So many of the batch are in a message; the others go back. */
  #done(id: number, taken: number): void {
    for (let at = this.#batch.length - 1; at >= taken; at -= 1) {
      this.#buckets.putBack(id, this.#batch[at]!, this.#weight(this.#batch[at]!));
    }
    if (id !== 0) this.#rib.store.retain(id, taken);
    for (let at = 0; at < taken; at += 1) this.#sent.set(this.#batch[at]!, id);
    this.#waiting -= taken;
    this.#buckets.settle(id);
  }

  /** Bytes of the prefix in a message. */
  #weight(prefix: number): number {
    return this.#rib.table.sizeOf(prefix);
  }

  /** Nothing waits: what served for it is given back. */
  #rest(): void {
    this.#disturbed = false;
    // Who changes such a prefix has it tried again.
    this.#unfit.clear();
    this.#pending.trim();
    this.#buckets.trim();
    this.#rib.store.collect();
  }
}
