import type { PathAttributes } from "../wire/attributes.ts";
import { FAMILIES, type Family } from "../wire/family.ts";
import type { AttributeStore } from "./attribute-store.ts";
import type { FamilyRib } from "./family-rib.ts";
import { Feed } from "./feed.ts";
import { RouteReader } from "./local-routes.ts";
import { localSource, type Source, type SourceIndexes } from "./source.ts";

/** Named sets of our own routes, each a source. */
export class LocalSets {
  readonly #store: AttributeStore;
  readonly #ribs: Readonly<Record<Family, FamilyRib>>;
  readonly #indexes: SourceIndexes;
  readonly #sources = new Map<string, Source>();
  /** Ours: in paths that we have prepended. */
  #asn: number;

  constructor(
    asn: number,
    store: AttributeStore,
    ribs: Readonly<Record<Family, FamilyRib>>,
    indexes: SourceIndexes,
  ) {
    this.#asn = asn;
    this.#store = store;
    this.#ribs = ribs;
    this.#indexes = indexes;
  }

  reader(set: string): RouteReader {
    return new RouteReader(set, this.#asn, this.#store);
  }

  /** A set becomes what was read, which is released; `done` is called when it has, or has become something else. */
  replace(set: string, reader: RouteReader, done: () => void): void {
    let left = FAMILIES.length;
    const ended = (): void => {
      left -= 1;
      if (left > 0) return;
      reader.release();
      // It was read as somebody else's; unless another has its place by now.
      if (source !== undefined && this.#sources.get(set) === source && reader.asn !== this.#asn)
        this.#renumber(source, reader.asn);
      done();
    };
    const source = reader.count > 0 ? this.#source(set) : this.#sources.get(set);
    if (source === undefined || reader.count === 0) {
      if (source !== undefined) this.#remove(source);
      for (const _ of FAMILIES) ended();
      return;
    }
    for (const family of FAMILIES) {
      const rib = this.#ribs[family];
      rib.load(rib.feed(source.index)!, reader.routes(family), ended);
    }
  }

  /** Our AS number is another one. */
  setAsn(asn: number): void {
    if (asn === this.#asn) return;
    const before = this.#asn;
    this.#asn = asn;
    for (const source of this.#sources.values()) this.#renumber(source, before);
  }

  #renumber({ index }: Source, before: number): void {
    for (const rib of Object.values(this.#ribs)) {
      const feed = rib.feed(index)!;
      const known = new Map<number, number>();
      const renumber = (id: number): number => {
        const next = known.get(id) ?? this.#store.intern(renumbered(this.#store.get(id), before, this.#asn));
        known.set(id, next);
        return next;
      };
      feed.adjIn.forEach((prefix) => {
        feed.adjIn.paths(prefix, (id, pathId, stale) => {
          const next = renumber(id);
          if (next === id) return;
          // What a set that is on its way has not told again goes at its end.
          if (stale) rib.setStale(feed, prefix, pathId, next);
          else rib.set(feed, prefix, pathId, next);
        });
      });
    }
  }

  #source(name: string): Source {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const source = localSource(this.#indexes.take(), name);
    for (const rib of Object.values(this.#ribs)) rib.addFeed(new Feed(source, this.#store, rib.table));
    this.#sources.set(name, source);
    return source;
  }

  #remove(source: Source): void {
    this.#sources.delete(source.name);
    let left = FAMILIES.length;
    for (const rib of Object.values(this.#ribs)) {
      rib.removeFeed(source.index, () => {
        left -= 1;
        if (left === 0) this.#indexes.giveBack(source);
      });
    }
  }
}

function renumbered(attributes: PathAttributes, before: number, after: number): PathAttributes {
  const asPath = attributes.asPath.map(({ type, asns }) => ({
    type,
    asns: asns.map((asn) => (asn === before ? after : asn)),
  }));
  return { ...attributes, asPath };
}
