import { isDeepStrictEqual } from "node:util";
import { FAMILIES, type Family } from "../wire/family.ts";
import type { WireContext } from "../wire/context.ts";
import type { Reach, Update } from "../wire/update.ts";
import type { BestChange, RibRoute } from "../speaker/status.ts";
import type { LocalRoute } from "../speaker/types.ts";
import { BestOut, type AdjOut } from "./adj-out.ts";
import { PathsOut } from "./adj-out-paths.ts";
import { AttributeStore } from "./attribute-store.ts";
import { explainPrefix } from "./explain.ts";
import { Export } from "./export.ts";
import { FamilyRib } from "./family-rib.ts";
import { KeyCache } from "./key-cache.ts";
import type { RouteReader } from "./local-routes.ts";
import { LocalSets } from "./local-sets.ts";
import type { RibPeer } from "./peer.ts";
import {
  checkPolicy,
  importerOf,
  newFamily,
  sameExport,
  sameImport,
  type LocalEnd,
  type PeerFamily,
  type PeerPolicies,
  type PeerState,
} from "./peer-state.ts";
import { parsePrefix } from "./prefix-text.ts";
import { replay, withdrawStale } from "./replay.ts";
import { peerSource, SourceIndexes } from "./source.ts";
import { advertisedRoutes, bestRoute, bestRoutes, equalRoutes, receivedRoutes } from "./view.ts";

/** A peer of a {@link Rib}: a number, given out again once the peer is removed. */
export type RibPeerId = number;

export interface RibOptions {
  /** Ours. */
  readonly asn: number;
  /** BGP identifier, dotted quad. */
  readonly routerId: string;
  /**
   * Called when there are changes to take by {@link Rib.takeBestChanges}; then no more until all have been taken. Without
   * it nothing is kept for taking.
   */
  readonly onBest?: () => void;
  /**
   * Called when there is something to do by {@link Rib.work}; then no more until all is done. With it, what is about many
   * routes at once is done in slices: a table that goes, a set of ours that comes, another import policy. Without it, at
   * once.
   */
  readonly onWork?: () => void;
  /** Prefixes in a slice. @defaultValue 4096 */
  readonly slice?: number;
}

/** Of one family of a peer. */
export interface RibCounts {
  /** Paths that the peer has told. */
  readonly received: number;
  /** Of them, those that import lets in. */
  readonly accepted: number;
  /** Of `received`, those from before its restart. */
  readonly stale: number;
  /** Prefixes that the peer has from us. */
  readonly advertised: number;
}

const SLICE = 4096;

/**
 * All routes of a speaker: what each peer told, what is the best of it, what each peer is to be told. Pure: no sockets, no
 * timers; bytes come in as read UPDATEs and go out as written ones.
 */
export class Rib {
  #us: { readonly asn: number; readonly routerId: string };
  readonly #onBest: (() => void) | undefined;
  readonly #store = new AttributeStore();
  readonly #ribs: Readonly<Record<Family, FamilyRib>>;
  readonly #peers: (PeerState | undefined)[] = [];
  readonly #indexes = new SourceIndexes((source) => {
    for (const state of this.#peers) {
      for (const { out } of state?.families.values() ?? []) out?.forget(source);
    }
  });
  readonly #sets: LocalSets;
  #woken: AdjOut[] = [];
  readonly #onWork: (() => void) | undefined;
  #told = false;
  #called = false;

  constructor({ asn, routerId, onBest, onWork, slice = SLICE }: RibOptions) {
    this.#us = { asn, routerId };
    this.#onWork = onWork;
    this.#onBest = onBest;
    this.#ribs = {
      "ipv4-unicast": new FamilyRib("ipv4-unicast", this.#store, onWork && slice),
      "ipv6-unicast": new FamilyRib("ipv6-unicast", this.#store, onWork && slice),
    };
    this.#sets = new LocalSets(asn, this.#store, this.#ribs, this.#indexes);
    if (onBest !== undefined) this.watchBest(true);
  }

  /** @throws `ERR_BGP_CONFIG`: a policy cannot be right. */
  addPeer(peer: RibPeer, policies: PeerPolicies): RibPeerId {
    const checked = FAMILIES.map((family) => checkPolicy(peer.name, family, policies[family] ?? {}));
    const index = this.#indexes.take();
    const source = peerSource(index, peer);
    const state: PeerState = { peer, source, keys: new KeyCache(this.#store), families: new Map() };
    for (const [at, family] of FAMILIES.entries()) {
      const of = newFamily(this.#ribs[family], source, checked[at]!);
      of.feed.setImporter(importerOf(of, peer, this.#us));
      of.rib.addFeed(of.feed);
      state.families.set(family, of);
    }
    this.#peers[index] = state;
    return index;
  }

  /** What is known of the peer has changed, e.g. its identifier, now that it has sent its OPEN. Its routes stay. */
  setPeer(id: RibPeerId, peer: RibPeer): void {
    const state = this.#state(id);
    if (isDeepStrictEqual(state.peer, peer)) return;
    state.peer = peer;
    state.source = peerSource(id, peer);
    for (const of of state.families.values()) {
      of.feed.source = state.source;
      this.#reimport(state, of);
      if (of.out !== undefined) of.out.setExport(this.#exportOf(state, of));
    }
    this.#finish();
  }

  /**
   * Policies have changed. What was told is looked at again: neither side has to send anything again.
   *
   * @throws `ERR_BGP_CONFIG`: nothing has changed.
   */
  setPolicies(id: RibPeerId, policies: PeerPolicies): void {
    const state = this.#state(id);
    const checked = FAMILIES.map((family) => checkPolicy(state.peer.name, family, policies[family] ?? {}));
    for (const [at, family] of FAMILIES.entries()) {
      const of = state.families.get(family)!;
      const before = of.policy;
      const { policy, imports, exports } = checked[at]!;
      of.policy = policy;
      if (!sameImport(before, policy)) {
        of.imports = imports;
        this.#reimport(state, of);
      }
      if (sameExport(before, policy)) continue;
      of.exports = exports;
      if (of.out !== undefined) this.#setAddresses(state, of);
      of.out?.setExport(this.#exportOf(state, of));
    }
    this.#finish();
  }

  /** The session is up: everything that the peer may have is pending. */
  openOut(id: RibPeerId, family: Family, context: WireContext, local: LocalEnd): AdjOut {
    const state = this.#state(id);
    this.closeOut(id, family);
    // Another session may write the same attributes in other bytes.
    state.keys.clear();
    const of = state.families.get(family)!;
    of.local = local;
    this.#setAddresses(state, of);
    const wake = (out: AdjOut) => void this.#woken.push(out);
    const policy = this.#exportOf(state, of);
    const several = context.addPathSend.includes(family);
    const out = several
      ? new PathsOut(of.rib, context, policy, wake)
      : new BestOut(of.rib, context, policy, wake);
    of.out = out;
    of.rib.addOutlet(out);
    this.#finish();
    return out;
  }

  closeOut(id: RibPeerId, family: Family): void {
    const of = this.#state(id).families.get(family)!;
    if (of.out === undefined) return;
    of.rib.removeOutlet(of.out);
    of.out.close();
    of.out = undefined;
    this.#state(id).keys.clear();
    this.#finish();
  }

  /** Takes in an UPDATE of the peer. */
  apply(id: RibPeerId, update: Update): void {
    const state = this.#state(id);
    for (const run of update.withdrawn) {
      const { rib, feed } = state.families.get(run.family)!;
      rib.withdraw(feed, run);
    }
    for (const reach of update.reach) {
      const { rib, feed } = state.families.get(reach.run.family)!;
      rib.announce(feed, reach.run, this.#intern(state, reach));
    }
    this.#finish();
  }

  /** All that the peer told goes. */
  drop(id: RibPeerId, family?: Family): void {
    for (const { rib, feed } of this.#families(id, family)) rib.drop(feed);
    this.#state(id).keys.clear();
    this.#finish();
  }

  /** The peer restarts: what it told stays, until it is told again or swept. RFC 4724 section 4.2. */
  markStale(id: RibPeerId, family: Family): void {
    const { rib, feed } = this.#state(id).families.get(family)!;
    rib.markStale(feed);
    this.#state(id).keys.clear();
    this.#finish();
  }

  /** What is stale still goes; returns how many paths that were. */
  sweepStale(id: RibPeerId, family: Family): number {
    const { rib, feed } = this.#state(id).families.get(family)!;
    const { stale } = feed.adjIn;
    rib.sweepStale(feed);
    this.#finish();
    return stale;
  }

  /** What is stale becomes the last resort: RFC 9494 section 4.2. */
  markLongLivedStale(id: RibPeerId, family: Family): void {
    const { rib, feed } = this.#state(id).families.get(family)!;
    rib.markLongLived(feed);
    this.#finish();
  }

  /** Does a slice, a few milliseconds long, of what was left for later; returns whether there is more. */
  work(): boolean {
    const rib = Object.values(this.#ribs).find(({ backlog }) => backlog.length > 0);
    rib?.backlog.work();
    this.#finish();
    return this.#works();
  }

  removePeer(id: RibPeerId): void {
    const state = this.#state(id);
    let left = state.families.size;
    for (const [family, { rib }] of state.families) {
      this.closeOut(id, family);
      rib.removeFeed(id, () => {
        left -= 1;
        if (left === 0) this.#indexes.giveBack(state.source);
      });
    }
    this.#peers[id] = undefined;
    this.#finish();
  }

  /**
   * A named set of our own routes becomes this; what stays the same is left alone. An empty set is gone. Of a prefix that is
   * there twice, the last counts.
   *
   * @throws `ERR_BGP_CONFIG`: nothing has changed.
   */
  advertise(set: string, routes: Iterable<LocalRoute>): void {
    const reader = this.reader(set);
    try {
      for (const route of routes) reader.add(route);
    } catch (error) {
      reader.release();
      throw error;
    }
    this.replaceSet(set, reader);
  }

  /** Reads a set at leisure: for {@link replaceSet}, or to be released. */
  reader(set: string): RouteReader {
    return this.#sets.reader(set);
  }

  /** A set becomes what was read; `done` is called when that, or something newer, is what it is. */
  replaceSet(set: string, reader: RouteReader, done: () => void = () => {}): void {
    this.#sets.replace(set, reader, done);
    this.#finish();
  }

  /** We are somebody else from now on. Our own sets stay; peers that were added before are to be removed. */
  setIdentity({ asn, routerId }: { readonly asn: number; readonly routerId: string }): void {
    this.#sets.setAsn(asn);
    this.#us = { asn, routerId };
    this.#finish();
  }

  counts(id: RibPeerId, family: Family): RibCounts {
    const { feed, out } = this.#state(id).families.get(family)!;
    const { received, stale } = feed.adjIn;
    return { received, accepted: feed.accepted, stale, advertised: out?.advertised ?? 0 };
  }

  /**
   * From now on changes of best learned routes are kept, beginning with all there are; or no more. Off, they cost nothing.
   */
  watchBest(on: boolean): void {
    for (const rib of Object.values(this.#ribs)) rib.watch(on);
    this.#finish();
  }

  /**
   * At most `limit` of the prefixes whose best learned route is another one than was taken before. Where one of our own is
   * better, there is none.
   */
  takeBestChanges(limit: number): BestChange[] {
    const taken: BestChange[] = [];
    for (const family of FAMILIES) {
      const rib = this.#ribs[family];
      const { changes } = rib;
      while (changes !== undefined && changes.length > 0 && taken.length < limit) {
        changes.take((prefix, known) => {
          const route = rib.isLearned(prefix) ? bestRoute(rib, family, prefix) : undefined;
          if (route !== undefined || known) {
            taken.push({ family, prefix: rib.table.formatPrefix(prefix), route });
          }
          return route !== undefined;
        });
      }
    }
    if (!this.#hasChanges()) this.#told = false;
    return taken;
  }

  *best(family?: Family): Generator<RibRoute> {
    for (const each of family === undefined ? FAMILIES : [family]) yield* bestRoutes(this.#ribs[each], each);
  }

  /** The routes of a prefix that share its traffic where equal paths may: alike through MED and kind. The best is one. */
  equals(prefix: string): readonly RibRoute[] {
    const family = parsePrefix(prefix)?.family;
    const number = family === undefined ? 0 : this.#ribs[family].table.find(prefix);
    return family === undefined || number === 0 ? [] : equalRoutes(this.#ribs[family], family, number);
  }

  *received(id: RibPeerId): Generator<RibRoute> {
    for (const [family, { rib, feed }] of this.#state(id).families) yield* receivedRoutes(rib, family, feed);
  }

  /** What the peer has told of a family, in UPDATEs as it could have sent them; see {@link replay}. */
  replay(
    id: RibPeerId,
    family: Family,
    context: WireContext,
  ): Generator<readonly Uint8Array[], void, undefined> {
    const { rib, feed } = this.#state(id).families.get(family)!;
    return replay(rib, feed, context);
  }

  /** What is stale of a family, taken back in UPDATEs as the peer could have sent them. */
  withdrawStale(id: RibPeerId, family: Family, context: WireContext): readonly Uint8Array[] {
    const { rib, feed } = this.#state(id).families.get(family)!;
    return withdrawStale(rib, feed, context);
  }

  *advertised(id: RibPeerId): Generator<RibRoute> {
    for (const [family, of] of this.#state(id).families) yield* advertisedRoutes(of, family);
  }

  /** Why a peer gets a prefix or does not, and what has become of what it told. */
  explain(peer: string, prefix: string): string {
    const state = this.#peers.find((each) => each?.peer.name === peer);
    if (state === undefined) return `there is no peer ${peer}`;
    const family = parsePrefix(prefix)?.family;
    if (family === undefined) return `${prefix} is no prefix`;
    return explainPrefix(state, family, prefix, this.#us);
  }

  /** How much is kept: prefixes of each family in use, and distinct attributes. */
  sizes(): { readonly prefixes: Readonly<Record<Family, number>>; readonly attributes: number } {
    this.#store.collect(true);
    const [ipv4, ipv6] = FAMILIES.map((family) => this.#ribs[family].table.size);
    return { prefixes: { "ipv4-unicast": ipv4!, "ipv6-unicast": ipv6! }, attributes: this.#store.size };
  }

  #intern({ keys }: PeerState, { key, attributes }: Reach): number {
    const known = keys.get(key);
    if (known !== 0) return known;
    const id = this.#store.intern(attributes());
    keys.set(key, id);
    return id;
  }

  #reimport(state: PeerState, of: PeerFamily): void {
    of.rib.reimport(of.feed, importerOf(of, state.peer, this.#us));
  }

  #setAddresses(state: PeerState, of: PeerFamily): void {
    const { local, policy, addresses } = of;
    const now = [local?.address, local?.linkLocal, policy.nextHop].filter((address) => address !== undefined);
    if (now.length === addresses.size && now.every((address) => addresses.has(address))) return;
    of.addresses = new Set(now);
    this.#reimport(state, of);
  }

  #exportOf({ peer, source }: PeerState, { rib, exports, policy, local }: PeerFamily): Export {
    const nextHop = policy.nextHop ?? local?.address ?? "";
    const linkLocal = policy.nextHop === undefined ? local?.linkLocal : undefined;
    return new Export(rib, source.index, exports, {
      peer,
      nextHop,
      linkLocal,
      longLived: local?.longLived ?? false,
    });
  }

  #families(id: RibPeerId, family: Family | undefined): readonly PeerFamily[] {
    const { families } = this.#state(id);
    return family === undefined ? [...families.values()] : [families.get(family)!];
  }

  #state(id: RibPeerId): PeerState {
    const state = this.#peers[id];
    if (state === undefined) throw new RangeError(`there is no peer ${id}`);
    return state;
  }

  #works(): boolean {
    return Object.values(this.#ribs).some(({ backlog }) => backlog.length > 0);
  }

  #hasChanges(): boolean {
    return Object.values(this.#ribs).some(({ changes }) => changes !== undefined && changes.length > 0);
  }

  /** The end of every change: only now, when all is consistent, others hear of it. */
  #finish(): void {
    this.#store.collect();
    const woken = this.#woken;
    if (woken.length > 0) this.#woken = [];
    for (const out of woken) out.onPending();
    const [called, told] = [this.#called, this.#told];
    this.#called = this.#works();
    this.#told = this.#hasChanges();
    if (this.#called && !called) this.#onWork?.();
    if (this.#told && !told) this.#onBest?.();
  }
}
