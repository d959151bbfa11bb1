import { createHash } from "node:crypto";
import type { LocalRoute } from "@netloom/bgp";
import type { RouteSets } from "./driver.ts";

/** A part of the difference between two states of a set. */
export interface SetChange {
  readonly name: string;
  /** What the set had is gone first. */
  readonly reset: boolean;
  readonly put: readonly LocalRoute[];
  readonly remove: readonly string[];
}

/** Routes in one change at most: a line on the socket stays well below a megabyte. */
const CHUNK = 2000;

/** Sets that are kept, by prefix. */
export class KeptSets {
  readonly #sets = new Map<string, Map<string, LocalRoute>>();
  readonly #dirty = new Set<string>();

  apply({ name, reset, put, remove }: SetChange): void {
    const set = (reset ? undefined : this.#sets.get(name)) ?? new Map<string, LocalRoute>();
    for (const prefix of remove) set.delete(prefix);
    for (const route of put) set.set(route.prefix, route);
    if (set.size === 0) this.#sets.delete(name);
    else this.#sets.set(name, set);
    this.#dirty.add(name);
  }

  /** Routes in all of them. */
  get size(): number {
    return [...this.#sets.values()].reduce((sum, set) => sum + set.size, 0);
  }

  /** The sets that changed since the last call, as they are now: first those that have something, so that a prefix which
   * moves from one to another is never without. */
  takeChanged(): readonly (readonly [name: string, routes: readonly LocalRoute[]])[] {
    const changed = [...this.#dirty].map(
      (name) => [name, [...(this.#sets.get(name)?.values() ?? [])]] as const,
    );
    this.#dirty.clear();
    return changed.sort(([, a], [, b]) => Number(a.length === 0) - Number(b.length === 0));
  }

  /** What each set has, in short. */
  digests(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#sets].map(([name, set]) => [name, digestOf([...set.values()])]));
  }

  /** What leads from these sets to the wanted ones, in pieces. */
  *differenceTo(wanted: RouteSets): Iterable<SetChange> {
    for (const [name, routes] of wanted) yield* this.#differenceOf(name, routes);
    for (const [name, set] of this.#sets) {
      if (!wanted.has(name)) yield* pieces({ name, reset: false, put: [], remove: [...set.keys()] });
    }
  }

  *#differenceOf(name: string, routes: readonly LocalRoute[]): Iterable<SetChange> {
    const set = this.#sets.get(name);
    const prefixes = new Set(routes.map(({ prefix }) => prefix));
    const put = routes.filter((route) => {
      const known = set?.get(route.prefix);
      return known === undefined || textOf(known) !== textOf(route);
    });
    const remove = [...(set?.keys() ?? [])].filter((prefix) => !prefixes.has(prefix));
    yield* pieces({ name, reset: false, put, remove });
  }
}

/**
 * What leads from sets of which only the digests are known to the wanted ones: a set with another digest is told from the
 * beginning.
 */
export function* differenceByDigest(
  digests: Readonly<Record<string, string>>,
  wanted: RouteSets,
): Iterable<SetChange> {
  for (const [name, routes] of wanted) {
    if (routes.length > 0 && digests[name] !== digestOf(routes))
      yield* pieces({ name, reset: true, put: routes, remove: [] });
  }
  for (const name of Object.keys(digests)) {
    if ((wanted.get(name)?.length ?? 0) === 0) yield { name, reset: true, put: [], remove: [] };
  }
}

/** The same for the same routes in any order. */
export function digestOf(routes: readonly LocalRoute[]): string {
  const hash = createHash("sha256");
  for (const text of routes.map(textOf).sort()) hash.update(text).update("\n");
  return hash.digest("base64");
}

/** Fields in a fixed order. */
function textOf(route: LocalRoute): string {
  return JSON.stringify(Object.entries(route).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function* pieces({ name, reset, put, remove }: SetChange): Iterable<SetChange> {
  for (let at = 0; at < Math.max(put.length, remove.length); at += CHUNK) {
    yield {
      name,
      reset: reset && at === 0,
      put: put.slice(at, at + CHUNK),
      remove: remove.slice(at, at + CHUNK),
    };
  }
}
