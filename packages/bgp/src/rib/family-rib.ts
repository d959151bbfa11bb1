import type { Family } from "../wire/family.ts";
import type { NlriRun } from "../wire/nlri.ts";
import { AdjIn } from "./adj-in.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { BestChanges } from "./best-changes.ts";
import { Column } from "./column.ts";
import { LLGR_STALE, NO_LLGR } from "./communities.ts";
import { Candidates, Decision } from "./decision.ts";
import type { Feed } from "./feed.ts";
import { PrefixTable } from "./prefix-table.ts";
import { withCommunities } from "./route-change.ts";
import type { Source } from "./source.ts";

/** Prefixes gone through at once. */
const SLICE = 4096;

interface Retired {
  readonly feed: Feed;
  readonly adjIn: AdjIn;
  next: number;
}

/** Who is told when routes of a prefix change. */
export interface Outlet {
  /** Wants to know of all usable paths, not of the best alone. */
  readonly allPaths: boolean;
  mark(prefix: number): void;
  /** Everything may be another thing than it was. */
  markAll(): void;
}

/** All routes of one family: what each source told, and the best of it. */
export class FamilyRib {
  readonly store: AttributeStore;
  readonly table: PrefixTable;
  readonly decision: Decision;
  readonly outlets: Outlet[] = [];
  readonly #feeds: (Feed | undefined)[] = [];
  #active: readonly Feed[] = [];
  /** By prefix: attributes of its best route, and the index of its source. */
  readonly #bestId = new Column();
  readonly #bestSource = new Column();
  readonly #candidates = new Candidates();
  #changes: BestChanges | undefined;
  #pathOutlets = 0;
  /** What sources had told until they dropped it, not gone through yet. */
  readonly #retired: Retired[] = [];

  constructor(family: Family, store: AttributeStore) {
    this.store = store;
    this.table = new PrefixTable(family);
    this.decision = new Decision(store);
  }

  get changes(): BestChanges | undefined {
    return this.#changes;
  }

  feed(index: number): Feed | undefined {
    return this.#feeds[index];
  }

  /** Every source there is. */
  get feeds(): readonly Feed[] {
    return this.#active;
  }

  addFeed(feed: Feed): void {
    this.#feeds[feed.source.index] = feed;
    this.#active = this.#feeds.filter((each) => each !== undefined);
  }

  /** All its routes go, and so does it. */
  removeFeed(index: number): void {
    const feed = this.#feeds[index];
    if (feed === undefined) return;
    this.drop(feed);
    for (const retired of this.#retired.filter((each) => each.feed === feed))
      while (this.#unravel(retired, SLICE));
    this.#feeds[index] = undefined;
    this.#active = this.#feeds.filter((each) => each !== undefined);
  }

  addOutlet(outlet: Outlet): void {
    this.outlets.push(outlet);
    if (outlet.allPaths) this.#pathOutlets += 1;
    outlet.markAll();
  }

  removeOutlet(outlet: Outlet): void {
    const at = this.outlets.indexOf(outlet);
    if (at < 0) return;
    this.outlets.splice(at, 1);
    if (outlet.allPaths) this.#pathOutlets -= 1;
  }

  /** From now on changes are kept for a watcher, who begins by hearing of everything; or nobody watches. */
  watch(on: boolean): void {
    if (on === (this.#changes !== undefined)) return;
    this.#changes?.clear();
    this.#changes = on ? new BestChanges(this.table) : undefined;
    if (!on) return;
    for (let prefix = 1; prefix < this.table.limit; prefix += 1) {
      if (this.isLearned(prefix)) this.#changes?.mark(prefix, false);
    }
  }

  /** Attributes of the best route; 0: there is none. */
  bestId(prefix: number): number {
    return this.#bestId.get(prefix);
  }

  /** Where the best route is from. */
  bestSource(prefix: number): Source | undefined {
    return this.#feeds[this.#bestSource.get(prefix)]?.source;
  }

  isLearned(prefix: number): boolean {
    const source = this.bestSource(prefix);
    return source !== undefined && source.from !== "local";
  }

  /** Fills in the usable paths of a prefix. */
  offers(prefix: number, candidates: Candidates): void {
    candidates.clear();
    for (const feed of this.#active) feed.offer(prefix, candidates);
  }

  /** Prefixes have become reachable by a source, all with these attributes. */
  announce(feed: Feed, run: NlriRun, id: number): void {
    const { bytes, end, addPath } = run;
    if (addPath) feed.adjIn.useIdentifiers();
    for (let at = run.start; at < end; at += 1 + ((bytes[at]! + 7) >>> 3)) {
      let pathId = 0;
      if (addPath) {
        pathId = readPathId(bytes, at);
        at += 4;
      }
      this.set(feed, this.table.intern(bytes, at), pathId, id);
    }
  }

  withdraw(feed: Feed, run: NlriRun): void {
    const { bytes, end, addPath } = run;
    for (let at = run.start; at < end; at += 1 + ((bytes[at]! + 7) >>> 3)) {
      let pathId = 0;
      if (addPath) {
        pathId = readPathId(bytes, at);
        at += 4;
      }
      const prefix = this.table.lookup(bytes, at);
      if (prefix !== 0) this.remove(feed, prefix, pathId);
    }
  }

  set(feed: Feed, prefix: number, pathId: number, id: number): void {
    const before = feed.adjIn.set(prefix, pathId, id);
    if (before !== id) this.#changed(feed, prefix, feed.passed(before, prefix), feed.passed(id, prefix));
  }

  remove(feed: Feed, prefix: number, pathId: number): void {
    // The last use of the prefix may be the one that goes.
    this.table.retain(prefix);
    const before = feed.adjIn.remove(prefix, pathId);
    if (before !== 0) this.#changed(feed, prefix, feed.passed(before, prefix), 0);
    this.table.release(prefix);
    if (this.table.size === 0) this.#forgetBest();
  }

  drop(feed: Feed): void {
    this.#removeWhere(feed, () => true);
  }

  /**
   * The same, with the work left for {@link work}: the source has nothing from now on, and best routes follow prefix by
   * prefix.
   */
  retire(feed: Feed): void {
    const { adjIn } = feed;
    if (adjIn.received <= SLICE) return this.drop(feed);
    this.#retired.push({ feed, adjIn, next: 1 });
    feed.adjIn = new AdjIn(this.store, this.table);
    feed.accepted = 0;
  }

  /** Does a slice of what was left. */
  work(): void {
    const [first] = this.#retired;
    if (first !== undefined) this.#unravel(first, SLICE);
  }

  get works(): boolean {
    return this.#retired.length > 0;
  }

  /** Removes what is stale still. */
  sweepStale(feed: Feed): void {
    if (feed.adjIn.stale > 0) this.#removeWhere(feed, (_, stale) => stale);
  }

  /** RFC 9494 section 4.2: stale routes become the last resort; those that must not go now. */
  markLongLived(feed: Feed): void {
    if (feed.adjIn.stale === 0) return;
    this.#removeWhere(
      feed,
      (id, stale) => stale && this.store.get(id).communities?.includes(NO_LLGR) === true,
    );
    const marked = new Map<number, number>();
    feed.adjIn.forEach((prefix) => {
      const paths: (readonly [id: number, pathId: number])[] = [];
      feed.adjIn.paths(prefix, (id, pathId, stale) => void (stale && paths.push([id, pathId])));
      for (const [id, pathId] of paths) {
        const next = marked.get(id) ?? this.#lastResort(id);
        marked.set(id, next);
        if (next === id) continue;
        feed.adjIn.replaceStale(prefix, pathId, next);
        this.#changed(feed, prefix, feed.passed(id, prefix), feed.passed(next, prefix));
      }
    });
  }

  /** The import of a source has become another one: everything it told is looked at again. */
  reimport(feed: Feed): void {
    feed.accepted = 0;
    feed.adjIn.forEach((prefix) => {
      feed.adjIn.paths(prefix, (id) => {
        if (feed.passed(id, prefix) !== 0) feed.accepted += 1;
      });
      this.#decide(prefix);
      this.#markPaths(prefix);
    });
  }

  /** Takes so many prefixes from what a source had told; returns whether there are more. */
  #unravel(retired: Retired, limit: number): boolean {
    const { adjIn } = retired;
    const pathIds: number[] = [];
    for (let count = 0; count < limit; count += 1) {
      const prefix = adjIn.next(retired.next);
      if (prefix === 0) {
        const at = this.#retired.indexOf(retired);
        if (at >= 0) this.#retired.splice(at, 1);
        return false;
      }
      retired.next = prefix + 1;
      pathIds.length = 0;
      adjIn.paths(prefix, (_, pathId) => void pathIds.push(pathId));
      this.table.retain(prefix);
      for (const pathId of pathIds) adjIn.remove(prefix, pathId);
      this.#decide(prefix);
      this.#markPaths(prefix);
      this.table.release(prefix);
    }
    if (this.table.size === 0) this.#forgetBest();
    return true;
  }

  #removeWhere(feed: Feed, which: (id: number, stale: boolean) => boolean): void {
    const pathIds: number[] = [];
    feed.adjIn.forEach((prefix) => {
      pathIds.length = 0;
      feed.adjIn.paths(prefix, (id, pathId, stale) => void (which(id, stale) && pathIds.push(pathId)));
      for (const pathId of pathIds) this.remove(feed, prefix, pathId);
    });
  }

  #lastResort(id: number): number {
    const attributes = this.store.get(id);
    if (attributes.communities?.includes(LLGR_STALE) === true) return id;
    return this.store.intern({
      ...attributes,
      communities: withCommunities(attributes.communities, [LLGR_STALE]),
    });
  }

  /** A usable path of a source has become another one; 0: there was, or is, none. */
  #changed(feed: Feed, prefix: number, before: number, after: number): void {
    if (before === after) return;
    if (before === 0) feed.accepted += 1;
    else if (after === 0) feed.accepted -= 1;
    const best = this.#bestId.get(prefix);
    if (best === 0) this.#setBest(prefix, after, feed.source.index);
    else if (!this.#withstands(feed.source, prefix, best, before, after)) this.#decide(prefix);
    this.#markPaths(prefix);
  }

  /** The usual case: one more path, and not a better one. */
  #withstands(source: Source, prefix: number, best: number, before: number, after: number): boolean {
    if (before !== 0 || source.from === "local") return false;
    const index = this.#bestSource.get(prefix);
    return (
      index !== source.index && this.decision.withstands(best, this.#feeds[index]!.source, after, source)
    );
  }

  #decide(prefix: number): void {
    const candidates = this.#candidates;
    this.offers(prefix, candidates);
    const best = this.decision.best(candidates);
    if (best < 0) this.#setBest(prefix, 0, 0);
    else this.#setBest(prefix, candidates.ids[best]!, candidates.sources[best]!.index);
  }

  #setBest(prefix: number, id: number, source: number): void {
    const before = this.#bestId.get(prefix);
    if (before === id && this.#bestSource.get(prefix) === source) return;
    if (id !== 0) this.store.retain(id);
    if (before !== 0) this.store.release(before);
    this.#bestId.set(prefix, id);
    this.#bestSource.set(prefix, source);
    this.#changes?.mark(prefix, !this.isLearned(prefix));
    for (const outlet of this.outlets) if (!outlet.allPaths) outlet.mark(prefix);
  }

  /** There is no prefix: the memory is given back. */
  #forgetBest(): void {
    this.#bestId.clear();
    this.#bestSource.clear();
  }

  #markPaths(prefix: number): void {
    if (this.#pathOutlets === 0) return;
    for (const outlet of this.outlets) if (outlet.allPaths) outlet.mark(prefix);
  }
}

function readPathId(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
