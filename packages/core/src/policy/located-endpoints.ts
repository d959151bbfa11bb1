import { formatCidr, subtractCidrs, summarizeCidrs, type Cidr } from "../address/index.ts";
import { TypedEmitter, type Emits, type ListenerErrorHook } from "../events.ts";
import type { LabelSet } from "../labels/index.ts";
import { prefixesOf } from "./prefix-labels.ts";
import { RangeIndex } from "./range-index.ts";

export interface AddressBlock {
  readonly cidr: Cidr;
  readonly except: readonly Cidr[];
}

/** Endpoints inside of ranges, as far as their labels say where they are. */
export interface Location {
  /** Locations that mean the same have the same key. */
  readonly key: string;
  /** As few as can be: a prefix that is in several of them together is in one. */
  readonly ranges: readonly Cidr[];
  /** Take those that may be inside (for a rule that denies); else only those that are for certain. */
  readonly inDoubt: boolean;
}

/** Who is at a location at this moment: the same object for as long as anybody follows it. */
export interface Located {
  readonly location: Location;
  /** Identities. Live. */
  readonly ids: ReadonlySet<number>;
}

export interface LocatedEvents {
  "located:changed": [located: Located];
}

interface Entry extends Located {
  readonly ids: Set<number>;
  holders: number;
}

export function locationOf(blocks: readonly AddressBlock[], inDoubt: boolean): Location {
  const ranges = summarizeCidrs(blocks.flatMap(({ cidr, except }) => subtractCidrs(cidr, except)));
  return { key: `${inDoubt ? "?" : ""}${ranges.map(formatCidr).join()}`, ranges, inDoubt };
}

/** Keeps the answer to "whose labels say that they are there?" for many locations, while identities come and go. */
export class LocatedEndpoints {
  readonly #prefixes = new Map<number, readonly Cidr[]>();
  readonly #entries = new Map<string, Entry>();
  /** So that one more identity is compared only with locations that it may be at. */
  readonly #index = { certain: new RangeIndex<Entry>(), inDoubt: new RangeIndex<Entry>() } as const;
  readonly #events: TypedEmitter<LocatedEvents>;

  constructor(onListenerError: ListenerErrorHook) {
    this.#events = new TypedEmitter(onListenerError);
  }

  get events(): Emits<LocatedEvents> {
    return this.#events;
  }

  /** `undefined`: the identity is gone. */
  update(changes: Iterable<readonly [id: number, labels: LabelSet | undefined]>): void {
    const changed = new Set<Entry>();
    for (const [id, labels] of changes) {
      const before = this.#prefixes.get(id) ?? [];
      const prefixes = labels === undefined ? [] : prefixesOf(labels);
      if (prefixes.length === 0) this.#prefixes.delete(id);
      else this.#prefixes.set(id, prefixes);
      for (const entry of this.#near([...before, ...prefixes])) {
        const is = isAt(entry.location, prefixes);
        if (is === entry.ids.has(id)) continue;
        if (is) entry.ids.add(id);
        else entry.ids.delete(id);
        changed.add(entry);
      }
    }
    for (const entry of changed) this.#events.emit("located:changed", entry);
  }

  /** Begins to follow a location. Give each back with {@link LocatedEndpoints.release}. */
  acquire(location: Location): void {
    const known = this.#entries.get(location.key);
    if (known !== undefined) {
      known.holders++;
      return;
    }
    const ids = new Set<number>();
    for (const [id, prefixes] of this.#prefixes) if (isAt(location, prefixes)) ids.add(id);
    const entry = { location, ids, holders: 1 };
    this.#entries.set(location.key, entry);
    for (const range of location.ranges) this.#indexOf(location).add(range, entry);
  }

  release({ key }: Location): void {
    const known = this.#entries.get(key);
    if (known === undefined || --known.holders > 0) return;
    this.#entries.delete(key);
    for (const range of known.location.ranges) this.#indexOf(known.location).delete(range, known);
  }

  get({ key }: Location): Located | undefined {
    return this.#entries.get(key);
  }

  #indexOf({ inDoubt }: Location): RangeIndex<Entry> {
    return inDoubt ? this.#index.inDoubt : this.#index.certain;
  }

  /** Locations that somebody with these prefixes may be at, and no other. */
  #near(prefixes: readonly Cidr[]): ReadonlySet<Entry> {
    const { certain, inDoubt } = this.#index;
    const near = prefixes.flatMap((prefix) => [
      ...certain.around(prefix),
      ...inDoubt.around(prefix),
      ...inDoubt.inside(prefix),
    ]);
    return new Set(near);
  }
}

/**
 * Policy sees who a peer is, not which of its addresses it uses: one with an address of each family is at a location
 * only where both are.
 */
function isAt({ ranges, inDoubt }: Location, prefixes: readonly Cidr[]): boolean {
  if (inDoubt) return prefixes.some((prefix) => ranges.some((range) => range.overlaps(prefix)));
  return (
    prefixes.length > 0 && prefixes.every((prefix) => ranges.some((range) => range.containsCidr(prefix)))
  );
}
