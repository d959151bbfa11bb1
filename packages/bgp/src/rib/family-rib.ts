import { uint32 } from "../wire/bytes.ts";
import type { Family } from "../wire/family.ts";
import type { NlriRun } from "../wire/nlri.ts";
import type { AdjIn } from "./adj-in.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { Backlog } from "./backlog.ts";
import { BestChanges } from "./best-changes.ts";
import { Column } from "./column.ts";
import { Candidates, Decision } from "./decision.ts";
import type { Feed } from "./feed.ts";
import { PrefixTable } from "./prefix-table.ts";
import type { Evaluator } from "./evaluator.ts";
import type { Source } from "./source.ts";
import type { ReadRoutes } from "./local-routes.ts";
import { LastResort, Leave, Load, Reimport, Unravel } from "./walks.ts";

/** Who is told when routes of a prefix change. */
export interface Outlet {
  /** Wants to know of all usable paths, not of the best alone. */
  readonly allPaths: boolean;
  mark(prefix: number): void;
  /** Everything may be another thing than it was. */
  markAll(): void;
  /** It has been {@link FamilyRib.loading}, and is no more. */
  wake(): void;
}

/** All routes of one family: what each source told, and the best of it. */
export class FamilyRib {
  readonly store: AttributeStore;
  readonly table: PrefixTable;
  readonly decision: Decision;
  readonly outlets: Outlet[] = [];
  /** What is left to do for large tables. */
  readonly backlog: Backlog;
  readonly #feeds: (Feed | undefined)[] = [];
  #active: readonly Feed[] = [];
  /** By prefix: attributes of its best route, and the index of its source. */
  readonly #bestId = new Column();
  readonly #bestSource = new Column();
  readonly #candidates = new Candidates();
  #changes: BestChanges | undefined;
  #pathOutlets = 0;

  /** @param slice - prefixes gone through at once; `undefined`: all there are */
  constructor(family: Family, store: AttributeStore, slice?: number) {
    this.store = store;
    this.backlog = new Backlog(slice);
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

  /** All its routes go, and then so does it: `done` is called when its index may mean another. */
  removeFeed(index: number, done: () => void): void {
    const feed = this.#feeds[index]!;
    this.drop(feed);
    const leave = new Leave(feed, () => {
      this.#feeds[index] = undefined;
      this.#active = this.#feeds.filter((each) => each !== undefined);
      done();
    });
    this.backlog.add(leave, this.backlog.waits(feed) ? Infinity : 0);
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

  /** Of the source that the best route is from; 0: there is none. */
  bestIndex(prefix: number): number {
    return this.#bestSource.get(prefix);
  }

  /** Where the best route is from. */
  bestSource(prefix: number): Source | undefined {
    return this.#feeds[this.bestIndex(prefix)]?.source;
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
        pathId = uint32(bytes, at);
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
        pathId = uint32(bytes, at);
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
    this.tidy();
  }

  /** A stale path has other attributes; stale it stays. */
  setStale(feed: Feed, prefix: number, pathId: number, id: number): void {
    const before = feed.adjIn.replaceStale(prefix, pathId, id);
    this.#changed(feed, prefix, feed.passed(before, prefix), feed.passed(id, prefix));
  }

  /** All that a source told goes: it has nothing from now on, and best routes follow. */
  drop(feed: Feed): void {
    for (const kind of [LastResort, Reimport, Load]) this.backlog.cancel(feed, kind);
    // Though there be nothing: what import was before is of no use without its walk.
    this.#unravel(feed, feed.takeAll());
  }

  /** A source has nothing but this from now on. What stays the same is left alone. */
  load(feed: Feed, routes: ReadRoutes, done: () => void): void {
    this.backlog.cancel(feed, Load);
    this.markStale(feed);
    let waited = false;
    const ended = (): void => {
      if (waited) for (const outlet of this.outlets) outlet.wake();
      done();
    };
    this.backlog.add(new Load(this, feed, routes, ended), routes.ids.length);
    waited = true;
  }

  /** A source is getting all it has to tell: what does not fill a message yet may soon. */
  get loading(): boolean {
    return this.backlog.has(Load);
  }

  /** What a source told has to be told again, or is swept. */
  markStale(feed: Feed): void {
    // What was stale before is not what is from now on.
    this.backlog.finish(feed, LastResort);
    feed.adjIn.markStale();
  }

  /** What is stale still goes. */
  sweepStale(feed: Feed): void {
    this.backlog.cancel(feed, LastResort);
    if (feed.adjIn.stale > 0) this.#unravel(feed, feed.takeStale());
  }

  /** RFC 9494 section 4.2: stale routes become the last resort; those that must not go. */
  markLongLived(feed: Feed): void {
    this.backlog.cancel(feed, LastResort);
    if (feed.adjIn.stale > 0) this.backlog.add(new LastResort(this, feed), feed.adjIn.received);
  }

  /** The import of a source has become another one. */
  reimport(feed: Feed, importer: Evaluator): void {
    this.backlog.cancel(feed, Reimport);
    feed.setImporter(importer);
    if (feed.adjIn.received > 0) this.backlog.add(new Reimport(this, feed), feed.adjIn.received);
  }

  /** What there is of a prefix is looked at again. */
  look(prefix: number): void {
    this.#decide(prefix);
    this.#markPaths(prefix);
  }

  /** Where there is no prefix any more, memory is given back. */
  tidy(): void {
    if (this.table.size > 0) return;
    this.#bestId.clear();
    this.#bestSource.clear();
  }

  #unravel(feed: Feed, gone: AdjIn): void {
    this.backlog.add(new Unravel(this, feed, gone), gone.received);
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

  #markPaths(prefix: number): void {
    if (this.#pathOutlets === 0) return;
    for (const outlet of this.outlets) if (outlet.allPaths) outlet.mark(prefix);
  }
}
