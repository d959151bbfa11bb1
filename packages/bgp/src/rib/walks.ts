import { LLGR_STALE, NO_LLGR } from "../wire/communities.ts";
import type { AdjIn } from "./adj-in.ts";
import type { Job } from "./backlog.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { withCommunities } from "./communities.ts";
import type { Feed } from "./feed.ts";
import type { ReadRoutes } from "./local-routes.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** What walks do to the table of a family. */
export interface WalkedRib {
  readonly store: AttributeStore;
  readonly table: PrefixTable;
  set(feed: Feed, prefix: number, pathId: number, id: number): void;
  setStale(feed: Feed, prefix: number, pathId: number, id: number): void;
  remove(feed: Feed, prefix: number, pathId: number): void;
  sweepStale(feed: Feed): void;
  look(prefix: number): void;
  tidy(): void;
}

/** Goes through the prefixes of a table that has any, some at a time. */
abstract class Walk implements Job {
  readonly feed: Feed;
  protected readonly rib: WalkedRib;
  #next = 1;

  constructor(rib: WalkedRib, feed: Feed) {
    this.rib = rib;
    this.feed = feed;
  }

  run(limit: number): boolean {
    for (let count = 0; count < limit; count += 1) {
      const prefix = this.table().next(this.#next);
      if (prefix === 0) {
        this.end();
        return false;
      }
      this.#next = prefix + 1;
      this.visit(prefix);
    }
    return true;
  }

  protected table(): AdjIn {
    return this.feed.adjIn;
  }

  protected abstract visit(prefix: number): void;

  protected end(): void {
    // Most have nothing more to do.
  }
}

/** What a source had told, and has no more: it is out of its table, and best routes follow. */
export class Unravel extends Walk {
  readonly #gone: AdjIn;
  readonly #pathIds: number[] = [];

  constructor(rib: WalkedRib, feed: Feed, gone: AdjIn) {
    super(rib, feed);
    this.#gone = gone;
  }

  protected override table(): AdjIn {
    return this.#gone;
  }

  protected visit(prefix: number): void {
    const pathIds = this.#pathIds;
    pathIds.length = 0;
    this.#gone.paths(prefix, (_, pathId) => void pathIds.push(pathId));
    // The last use of the prefix may be the one that goes.
    this.rib.table.retain(prefix);
    for (const pathId of pathIds) this.#gone.remove(prefix, pathId);
    this.rib.look(prefix);
    this.rib.table.release(prefix);
  }

  protected override end(): void {
    this.rib.tidy();
  }
}

/** The import of a source has become another one: everything it told is looked at again. */
export class Reimport extends Walk {
  protected visit(prefix: number): void {
    const before = this.feed.passing(prefix);
    this.feed.renewed(prefix + 1);
    this.feed.accepted += this.feed.passing(prefix) - before;
    this.rib.look(prefix);
  }

  protected override end(): void {
    this.feed.renewed(Infinity);
  }
}

/** RFC 9494 section 4.2: what is stale becomes the last resort; what must not goes now. */
export class LastResort extends Walk {
  readonly #marked = new Map<number, number>();
  readonly #paths: (readonly [id: number, pathId: number])[] = [];

  protected visit(prefix: number): void {
    const paths = this.#paths;
    paths.length = 0;
    this.feed.adjIn.paths(prefix, (id, pathId, stale) => void (stale && paths.push([id, pathId])));
    for (const [id, pathId] of paths) {
      if (this.rib.store.get(id).communities?.includes(NO_LLGR) === true) {
        this.rib.remove(this.feed, prefix, pathId);
        continue;
      }
      const next = this.#markedAs(id);
      if (next !== id) this.rib.setStale(this.feed, prefix, pathId, next);
    }
  }

  protected override end(): void {
    this.cancel();
  }

  cancel(): void {
    for (const ids of this.#marked) for (const id of ids) this.rib.store.release(id);
    this.#marked.clear();
  }

  /** Both are held: between two pieces, their ids must not come to mean something else. */
  #markedAs(id: number): number {
    const known = this.#marked.get(id);
    if (known !== undefined) return known;
    const { store } = this.rib;
    const attributes = store.get(id);
    if (attributes.communities?.includes(LLGR_STALE) === true) return id;
    const communities = withCommunities(attributes.communities, [LLGR_STALE]);
    const next = store.intern({ ...attributes, communities });
    for (const each of [id, next]) store.retain(each);
    this.#marked.set(id, next);
    return next;
  }
}

/** What a source has from now on is set, one prefix after another; what is stale at the end goes. */
export class Load implements Job {
  readonly feed: Feed;
  readonly #rib: WalkedRib;
  readonly #routes: ReadRoutes;
  readonly #done: () => void;
  #over = false;
  #at = 0;
  #index = 0;

  constructor(rib: WalkedRib, feed: Feed, routes: ReadRoutes, done: () => void) {
    this.#rib = rib;
    this.feed = feed;
    this.#routes = routes;
    this.#done = done;
  }

  run(limit: number): boolean {
    const { bytes, ids } = this.#routes;
    const end = Math.min(ids.length, this.#index + limit);
    for (; this.#index < end; this.#index += 1) {
      this.#rib.set(this.feed, this.#rib.table.intern(bytes, this.#at), 0, ids[this.#index]!);
      this.#at += 1 + ((bytes[this.#at]! + 7) >>> 3);
    }
    if (end < ids.length) return true;
    this.#rib.sweepStale(this.feed);
    this.cancel();
    return false;
  }

  /** Also called where who is told of the end begins something new. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#done();
  }
}

/** A source is gone for good, once nothing is left of it. */
export class Leave implements Job {
  readonly feed: Feed;
  readonly #done: () => void;

  constructor(feed: Feed, done: () => void) {
    this.feed = feed;
    this.#done = done;
  }

  run(): boolean {
    this.#done();
    return false;
  }
}
