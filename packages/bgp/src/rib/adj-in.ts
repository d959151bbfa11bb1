import type { AttributeStore } from "./attribute-store.ts";
import { Column } from "./column.ts";
import { PathPool } from "./path-pool.ts";
import type { PrefixTable } from "./prefix-table.ts";

const STALE = 0x80000000 | 0;
const ID = 0x7fffffff;

/**
 * What one source has told of one family, before any policy: a column of attribute ids, 4 bytes for each prefix. With path
 * identifiers (RFC 7911) the column points to lists of paths instead.
 */
export class AdjIn {
  readonly #store: AttributeStore;
  readonly #table: PrefixTable;
  readonly #column = new Column();
  #paths: PathPool | undefined;
  #received = 0;
  #stale = 0;

  constructor(store: AttributeStore, table: PrefixTable) {
    this.#store = store;
    this.#table = table;
  }

  /** Paths: as many as prefixes, but for those with path identifiers. */
  get received(): number {
    return this.#received;
  }

  /** Of them, those from before the peer's restart. */
  get stale(): number {
    return this.#stale;
  }

  /** There may be several paths of a prefix. */
  get several(): boolean {
    return this.#paths !== undefined;
  }

  /** From now on there are path identifiers: what is there has identifier 0. */
  useIdentifiers(): void {
    if (this.#paths !== undefined) return;
    const paths = new PathPool();
    this.#column.forEach((prefix, value) => this.#column.set(prefix, paths.add(0, 0, value)));
    this.#paths = paths;
  }

  /** The attributes of the one path; 0: there is none. Not where there are {@link several}. */
  get(prefix: number): number {
    return this.#column.get(prefix) & ID;
  }

  /** Calls back with each path of a prefix. */
  paths(prefix: number, visit: (id: number, pathId: number, stale: boolean) => void): void {
    const value = this.#column.get(prefix);
    if (value === 0) return;
    if (this.#paths === undefined) return visit(value & ID, 0, value < 0);
    for (let node = value; node !== 0; node = this.#paths.nextOf(node)) {
      const path = this.#paths.valueOf(node);
      visit(path & ID, this.#paths.pathIdOf(node), path < 0);
    }
  }

  isStale(prefix: number, pathId: number): boolean {
    const value = this.#column.get(prefix);
    if (this.#paths === undefined) return value < 0;
    const node = this.#paths.find(value, pathId);
    return node !== 0 && this.#paths.valueOf(node) < 0;
  }

  /** Returns the attributes it had; 0: it is new. */
  set(prefix: number, pathId: number, id: number): number {
    if (this.#paths !== undefined) return this.#setPath(this.#paths, prefix, pathId, id);
    const before = this.#column.get(prefix);
    if (before === id) return id;
    this.#column.set(prefix, id);
    if (before === 0) this.#table.retain(prefix);
    return this.#replaced(before, id);
  }

  /** Returns the attributes it had; 0: there was none. */
  remove(prefix: number, pathId: number): number {
    if (this.#paths !== undefined) return this.#removePath(this.#paths, prefix, pathId);
    const before = this.#column.get(prefix);
    if (before === 0) return 0;
    this.#column.set(prefix, 0);
    return this.#removed(before, prefix, true);
  }

  /** All that is there was told before the restart: it counts as stale until it is told again. */
  markStale(): void {
    const paths = this.#paths;
    this.#column.forEach((prefix, value) => {
      if (paths === undefined) return this.#column.set(prefix, value | STALE);
      for (let node = value; node !== 0; node = paths.nextOf(node))
        paths.setValue(node, paths.valueOf(node) | STALE);
    });
    this.#stale = this.#received;
  }

  /** Gives away what is stale, as a table of its own; `given` is called with each path of it. */
  takeStale(given: (prefix: number, id: number) => void): AdjIn {
    const stale = new AdjIn(this.#store, this.#table);
    if (this.#paths !== undefined) stale.useIdentifiers();
    this.#column.forEach((prefix, value) => {
      if (this.#paths !== undefined) return this.#takeStalePaths(this.#paths, stale, prefix, given);
      if (value >= 0) return;
      // Whoever has it holds the attributes and the prefix.
      this.#column.set(prefix, 0);
      stale.#column.set(prefix, value & ID);
      stale.#received += 1;
      given(prefix, value & ID);
    });
    if (this.#paths === undefined) this.#received -= stale.#received;
    this.#stale = 0;
    if (this.#received === 0) this.#column.clear();
    return stale;
  }

  /** Gives a stale path other attributes; stale it stays. Returns those it had. */
  replaceStale(prefix: number, pathId: number, id: number): number {
    const before = this.set(prefix, pathId, id);
    this.#stale += 1;
    const value = this.#column.get(prefix);
    if (this.#paths === undefined) this.#column.set(prefix, value | STALE);
    else this.#paths.setValue(this.#paths.find(value, pathId), id | STALE);
    return before;
  }

  /** Calls back with each prefix that has a path. Prefixes may be removed meanwhile. */
  forEach(visit: (prefix: number) => void): void {
    this.#column.forEach(visit);
  }

  /** The first prefix from this one on that has a path; 0: there is none. */
  next(from: number): number {
    return this.#column.next(from);
  }

  *prefixes(): Generator<number> {
    for (const [prefix] of this.#column.entries()) yield prefix;
  }

  #takeStalePaths(
    paths: PathPool,
    stale: AdjIn,
    prefix: number,
    given: (prefix: number, id: number) => void,
  ): void {
    const nodes: number[] = [];
    for (let node = this.#column.get(prefix); node !== 0; node = paths.nextOf(node))
      if (paths.valueOf(node) < 0) nodes.push(node);
    for (const node of nodes) {
      const [id, pathId] = [paths.valueOf(node) & ID, paths.pathIdOf(node)];
      // In this order, for its last use must not end in between.
      stale.set(prefix, pathId, id);
      this.remove(prefix, pathId);
      given(prefix, id);
    }
  }

  #setPath(paths: PathPool, prefix: number, pathId: number, id: number): number {
    const head = this.#column.get(prefix);
    const node = paths.find(head, pathId);
    if (node === 0) {
      if (head === 0) this.#table.retain(prefix);
      this.#column.set(prefix, paths.add(head, pathId, id));
      return this.#replaced(0, id);
    }
    const before = paths.valueOf(node);
    if (before === id) return id;
    paths.setValue(node, id);
    return this.#replaced(before, id);
  }

  #removePath(paths: PathPool, prefix: number, pathId: number): number {
    const head = this.#column.get(prefix);
    const node = paths.find(head, pathId);
    if (node === 0) return 0;
    const before = paths.valueOf(node);
    const rest = paths.remove(head, node);
    this.#column.set(prefix, rest);
    return this.#removed(before, prefix, rest === 0);
  }

  #replaced(before: number, id: number): number {
    this.#store.retain(id);
    if (before === 0) this.#received += 1;
    else this.#store.release(before & ID);
    if (before < 0) this.#stale -= 1;
    return before & ID;
  }

  #removed(before: number, prefix: number, last: boolean): number {
    this.#store.release(before & ID);
    this.#received -= 1;
    if (before < 0) this.#stale -= 1;
    if (this.#received === 0) {
      this.#column.clear();
      this.#paths = undefined;
    }
    if (last) this.#table.release(prefix);
    return before & ID;
  }
}
