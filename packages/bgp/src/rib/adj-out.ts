import type { PathAttributes } from "../wire/attributes.ts";
import { encodeAttributes, type EncodedAttributes } from "../wire/attributes/encode.ts";
import type { WireContext } from "../wire/context.ts";
import type { Family } from "../wire/family.ts";
import { packReach, packWithdraw, type PrefixSource } from "../wire/pack.ts";
import { Buckets } from "./buckets.ts";
import { Column } from "./column.ts";
import type { Export } from "./export.ts";
import type { EgressOptions } from "./egress.ts";
import type { FamilyRib, Outlet } from "./family-rib.ts";
import { PendingList } from "./pending-list.ts";
import type { Source } from "./source.ts";

/** What a peer is to be told of one family, and has been told. */
export interface AdjOut {
  /** Prefixes that wait to be looked at or sent; no fewer, perhaps more. */
  readonly pending: number;
  /** Of prefixes, those that the peer has. */
  readonly advertised: number;
  /** A large set of ours is coming: what waits for it is not all there is, and `onPending` is called when it has come. */
  readonly loading: boolean;
  /**
   * The next UPDATE to send, the caller's own; `undefined`: there is none. A call takes few milliseconds: where there is more
   * to look at first, it returns no bytes, and is to be called again.
   */
  next(): Uint8Array | undefined;
  /** All that the peer has is sent again: RFC 2918. */
  refresh(): void;
  /** Called when `pending` has become more than 0, or `loading` is over. Set by who sends. */
  onPending: () => void;
}

/** Prefixes looked at in one call: a few milliseconds. */
const SLICE = 16_384;
const AGAIN = 0x80000000 | 0;
const ID = 0x7fffffff;
const NOTHING_YET = new Uint8Array(0);

/**
 * The best route of each prefix, as far as a peer gets it. A change marks its prefix, however often: what is sent is what has
 * become of it when its turn comes, and nothing if that is what the peer has. The whole of what waits is grouped by
 * attributes, so that there are about as few messages as can be.
 */
export class BestOut implements AdjOut, Outlet, PrefixSource {
  readonly allPaths = false;
  onPending: () => void = () => {};
  readonly #rib: FamilyRib;
  readonly #context: WireContext;
  readonly #wake: (out: AdjOut) => void;
  #export: Export;
  readonly #pending = new PendingList();
  readonly #buckets: Buckets;
  /** By prefix: attributes that the peer has; with the sign, it wants them again. */
  readonly #sent = new Column();
  #waiting = 0;
  #advertised = 0;
  /** Prefixes from the one up to, not including, the other are pending as a whole; `again`: whatever the peer has. */
  #next = 0;
  #end = 0;
  #again = false;
  /** Something has changed about prefixes that are grouped. */
  #disturbed = false;
  /** The message that is being filled. */
  readonly #batch: number[] = [];
  #encoded: { stamp: number; value: EncodedAttributes | undefined } = { stamp: -1, value: undefined };
  /** Attributes that do not fit a message of this session, by stamp. */
  readonly #unfit = new Set<number>();

  constructor(rib: FamilyRib, context: WireContext, policy: Export, wake: (out: AdjOut) => void) {
    this.#rib = rib;
    this.#context = context;
    this.#export = policy;
    this.#wake = wake;
    this.#buckets = new Buckets(rib.store, this.#pending.link, context.maxMessage);
  }

  get pending(): number {
    return this.#waiting + this.#end - this.#next;
  }

  get advertised(): number {
    return this.#advertised;
  }

  get loading(): boolean {
    return this.#rib.loading;
  }

  wake(): void {
    this.#wake(this);
  }

  mark(prefix: number): void {
    if (this.#export.nothing && this.#advertised === 0 && this.#waiting === 0) return;
    if (this.#isNoNews(prefix)) return;
    if (this.#push(prefix) && this.pending === 1) this.#wake(this);
  }

  get options(): EgressOptions {
    return this.#export.options;
  }

  /** A source is gone: its index will mean another. */
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
    if (this.#export.nothing && this.#advertised === 0 && this.#waiting === 0) return;
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

  /** The session is over: nothing waits, and the peer has nothing. */
  close(): void {
    const { store, table } = this.#rib;
    this.onPending = () => {};
    this.#buckets.clear();
    this.#pending.link.forEach((prefix) => {
      if (this.#sent.get(prefix) === 0) table.release(prefix);
    });
    this.#sent.forEach((prefix, id) => {
      store.release(id & ID);
      table.release(prefix);
    });
    this.#pending.clear();
    this.#sent.clear();
    this.#next = 0;
    this.#end = 0;
    this.#waiting = 0;
    this.#advertised = 0;
  }

  write(index: number, buffer: Uint8Array, at: number): number {
    return this.#rib.table.writePrefix(this.#batch[index]!, buffer, at);
  }

  /** What the peer has. Of each prefix, the id of the attributes. */
  *entries(): Generator<readonly [prefix: number, pathId: number, id: number]> {
    for (const [prefix, id] of this.#sent.entries()) yield [prefix, 0, id & ID];
  }

  /** Attributes that the peer has; 0: it has not got the prefix. */
  sent(prefix: number): number {
    return this.#sent.get(prefix) & ID;
  }

  /** What the peer is to have: 0, nothing. */
  #wanted(prefix: number): number {
    const id = this.#export.best(prefix);
    return this.#unfit.size > 0 && this.#unfit.has(this.#rib.store.stampOf(id)) ? 0 : id;
  }

  /** The peer has told it itself, and knows of no other: all that a peer tells comes by here. */
  #isNoNews(prefix: number): boolean {
    return this.#export.isOwn(prefix) && this.#sent.get(prefix) === 0 && this.#pending.link.get(prefix) === 0;
  }

  #push(prefix: number): boolean {
    if (!this.#pending.push(prefix)) {
      this.#disturbed = true;
      return false;
    }
    if (this.#sent.get(prefix) === 0) this.#rib.table.retain(prefix);
    this.#waiting += 1;
    return true;
  }

  /** Marks a slice of what {@link markAll} has marked as a whole. */
  #walk(): void {
    const end = Math.min(this.#end, this.#next + SLICE - Math.min(SLICE, this.#pending.length));
    for (; this.#next < end; this.#next += 1) {
      const prefix = this.#next;
      const sent = this.#sent.get(prefix);
      if (this.#again && sent !== 0) this.#sent.set(prefix, sent | AGAIN);
      if (sent !== 0 || this.#rib.bestId(prefix) !== 0) this.#push(prefix);
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
    if (wanted === this.#sent.get(prefix)) this.#unmark(prefix);
    else this.#buckets.add(wanted, prefix, this.#weight(prefix));
    return false;
  }

  #unmark(prefix: number): void {
    this.#waiting -= 1;
    if (this.#sent.get(prefix) === 0) this.#rib.table.release(prefix);
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
    const encoded = this.#encode(id);
    if (encoded === undefined) return undefined;
    return packReach(this.#context, this.#rib.table.family, encoded, this, 0, this.#batch.length);
  }

  #encode(id: number): EncodedAttributes | undefined {
    const stamp = this.#rib.store.stampOf(id);
    if (this.#encoded.stamp === stamp) return this.#encoded.value;
    const value = encodeIfPossible(this.#rib.store.get(id), this.#context, this.#rib.table.family);
    this.#encoded = { stamp, value };
    return value;
  }

  /** Such attributes cannot be sent: who has the prefixes must not keep what it has (RFC 8654 section 4). */
  #giveUp(id: number): void {
    this.#unfit.add(this.#rib.store.stampOf(id));
    for (const prefix of this.#batch) this.#place(prefix, undefined);
    this.#disturbed = true;
  }

  /** So many of the batch are in a message; the others go back. */
  #done(id: number, taken: number): void {
    const { store, table } = this.#rib;
    for (let at = this.#batch.length - 1; at >= taken; at -= 1) {
      this.#buckets.putBack(id, this.#batch[at]!, this.#weight(this.#batch[at]!));
    }
    for (let at = 0; at < taken; at += 1) {
      const prefix = this.#batch[at]!;
      const before = this.#sent.get(prefix);
      this.#sent.set(prefix, id);
      if (before === 0) this.#advertised += 1;
      else store.release(before & ID);
      if (id === 0) {
        this.#advertised -= 1;
        table.release(prefix);
      }
    }
    if (id !== 0) store.retain(id, taken);
    this.#waiting -= taken;
    this.#buckets.settle(id);
  }

  /** Bytes of the prefix in a message. */
  #weight(prefix: number): number {
    return 1 + ((this.#rib.table.lengthOf(prefix) + 7) >>> 3);
  }

  /** Nothing waits: what served for it is given back. */
  #rest(): void {
    this.#disturbed = false;
    this.#pending.trim();
    this.#buckets.trim();
    this.#rib.store.collect();
  }
}

/** `undefined`: the session cannot carry them, e.g. a next hop of the other family (RFC 8950 was not agreed on). */
export function encodeIfPossible(
  attributes: PathAttributes,
  context: WireContext,
  family: Family,
): EncodedAttributes | undefined {
  try {
    return encodeAttributes(attributes, context, family);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
