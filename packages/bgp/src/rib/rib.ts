import type { LocalRoute } from "../api/local-route.ts";
import type { BestChange, RibRoute } from "../api/status.ts";
import type { WireContext } from "../wire/context.ts";
import { FAMILIES, type Family } from "../wire/family.ts";
import { parsePrefix } from "../wire/prefix-text.ts";
import type { Reach, Update } from "../wire/update.ts";
import type { AdjOut } from "./adj-out.ts";
import { AttributeStore } from "./attribute-store.ts";
import { checkNumber } from "./check.ts";
import { explainPrefix } from "./explain.ts";
import { FamilyRib } from "./family-rib.ts";
import type { RouteReader } from "./local-routes.ts";
import { LocalSets } from "./local-sets.ts";
import type { RibPeer } from "./peer.ts";
import type { LocalEnd, PeerPolicies, PeerState } from "./peer-state.ts";
import { Peers } from "./peers.ts";
import { replay, withdrawStale } from "./replay.ts";
import { SourceIndexes } from "./source.ts";
import { advertisedRoutes, bestRoute, bestRoutes, equalRoutes, everyRoute, receivedRoutes } from "./view.ts";

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
  /** Prefixes in a slice, 1 or more. @defaultValue 4096 */
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
  readonly #peers: Peers;
  readonly #sets: LocalSets;
  #woken: AdjOut[] = [];
  readonly #onWork: (() => void) | undefined;
  #told = false;
  #called = false;

  /** @throws `ERR_BGP_CONFIG`: a slice would be none. */
  constructor({ asn, routerId, onBest, onWork, slice = SLICE }: RibOptions) {
    checkNumber("slice", slice, 1, Number.MAX_SAFE_INTEGER);
    this.#us = { asn, routerId };
    this.#onWork = onWork;
    this.#onBest = onBest;
    this.#ribs = {
      "ipv4-unicast": new FamilyRib("ipv4-unicast", this.#store, onWork && slice),
      "ipv6-unicast": new FamilyRib("ipv6-unicast", this.#store, onWork && slice),
    };
    const indexes = new SourceIndexes((source) => this.#peers.forget(source));
    const wake = (out: AdjOut): void => void this.#woken.push(out);
    this.#peers = new Peers(this.#store, this.#ribs, { us: () => this.#us, indexes, wake });
    this.#sets = new LocalSets(asn, this.#store, this.#ribs, indexes);
    if (onBest !== undefined) this.watchBest(true);
  }

  /** @throws `ERR_BGP_CONFIG`: a policy cannot be right. */
  addPeer(peer: RibPeer, policies: PeerPolicies): RibPeerId {
    return this.#peers.add(peer, policies);
  }

  /** What is known of the peer has changed, e.g. its identifier, now that it has sent its OPEN. Its routes stay. */
  setPeer(id: RibPeerId, peer: RibPeer): void {
    this.#peers.set(id, peer);
    this.#finish();
  }

  /**
   * Policies have changed. What was told is looked at again: neither side has to send anything again.
   *
   * @throws `ERR_BGP_CONFIG`: nothing has changed.
   */
  setPolicies(id: RibPeerId, policies: PeerPolicies): void {
    this.#peers.setPolicies(id, policies);
    this.#finish();
  }

  /** The session is up: everything that the peer may have is pending. */
  openOut(id: RibPeerId, family: Family, context: WireContext, local: LocalEnd): AdjOut {
    const out = this.#peers.open(id, family, context, local);
    this.#finish();
    return out;
  }

  closeOut(id: RibPeerId, family: Family): void {
    this.#peers.close(id, family);
    this.#finish();
  }

  /** Takes in an UPDATE of the peer. */
  apply(id: RibPeerId, update: Update): void {
    const state = this.#peers.get(id);
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
    const { families, keys } = this.#peers.get(id);
    for (const [each, { rib, feed }] of families) if (family === undefined || each === family) rib.drop(feed);
    keys.clear();
    this.#finish();
  }

  /** The peer restarts: what it told stays, until it is told again or swept. RFC 4724 section 4.2. */
  markStale(id: RibPeerId, family: Family): void {
    const { rib, feed } = this.#peers.get(id).families.get(family)!;
    rib.markStale(feed);
    this.#peers.get(id).keys.clear();
    this.#finish();
  }

  /** What is stale still goes; returns how many paths that were. */
  sweepStale(id: RibPeerId, family: Family): number {
    const { rib, feed } = this.#peers.get(id).families.get(family)!;
    const { stale } = feed.adjIn;
    rib.sweepStale(feed);
    this.#finish();
    return stale;
  }

  /** What is stale becomes the last resort: RFC 9494 section 4.2. */
  markLongLivedStale(id: RibPeerId, family: Family): void {
    const { rib, feed } = this.#peers.get(id).families.get(family)!;
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
    this.#peers.remove(id);
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
    const { feed, out } = this.#peers.get(id).families.get(family)!;
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

  /** The best route of each prefix. As all lists, it may be left for a while: it goes on with what there is then. */
  *best(family?: Family): Generator<RibRoute> {
    for (const each of family === undefined ? FAMILIES : [family]) yield* bestRoutes(this.#ribs[each], each);
  }

  /** The routes of a prefix that share its traffic where equal paths may: alike through MED and kind. The best is one. */
  equals(prefix: string): readonly RibRoute[] {
    const family = parsePrefix(prefix)?.family;
    const number = family === undefined ? 0 : this.#ribs[family].table.find(prefix);
    return family === undefined || number === 0 ? [] : equalRoutes(this.#ribs[family], family, number);
  }

  /** What the peer has told, before any policy. */
  received(id: RibPeerId): Generator<RibRoute> {
    return everyRoute(this.#peers.get(id), (family, { rib, feed }) => receivedRoutes(rib, family, feed));
  }

  /** What the peer has told of a family, in UPDATEs as it could have sent them; see {@link replay}. */
  replay(
    id: RibPeerId,
    family: Family,
    context: WireContext,
  ): Generator<readonly Uint8Array[], void, undefined> {
    const { rib, feed } = this.#peers.get(id).families.get(family)!;
    return replay(rib, feed, context);
  }

  /** What is stale of a family, taken back in UPDATEs as the peer could have sent them. */
  withdrawStale(id: RibPeerId, family: Family, context: WireContext): readonly Uint8Array[] {
    const { rib, feed } = this.#peers.get(id).families.get(family)!;
    return withdrawStale(rib, feed, context);
  }

  /** What the peer has been told. */
  advertised(id: RibPeerId): Generator<RibRoute> {
    return everyRoute(this.#peers.get(id), (family, of) => advertisedRoutes(of, family));
  }

  /** Why a peer gets a prefix or does not, and what has become of what it told. */
  explain(peer: string, prefix: string): string {
    const state = this.#peers.named(peer);
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
