import { NetloomError } from "../errors.ts";
import { type Emits, type ListenerErrorHook, TypedEmitter } from "../events.ts";
import type { LabelSet } from "./label-set.ts";
import { Postings } from "./postings.ts";
import { type ReadonlyRowSet, RowSet } from "./row-set.ts";
import { type Requirement, type Selector, matches } from "./selector.ts";

/** A selector in use, and the rows it selects at this moment: the same object for as long as anybody holds it. */
export interface Selection {
  readonly selector: Selector;
  /** Live: it changes with the index, and `selection:changed` tells how. */
  readonly rows: ReadonlyRowSet;
}

export interface SelectionChange {
  readonly selection: Selection;
  /** Rows it selects since now; each at most once, and none of them also in `removed`. */
  readonly added: readonly number[];
  readonly removed: readonly number[];
}

export interface SelectorIndexEvents {
  /** After an update that changed `selection.rows`, once for each selection, when all of them are up to date. */
  "selection:changed": [change: SelectionChange];
}

interface Entry extends Selection {
  readonly rows: RowSet;
  holders: number;
  /** The requirement it is filed under; `undefined` for a selector that a row without labels could meet. */
  under: Requirement | undefined;
}

interface Delta {
  readonly added: number[];
  readonly removed: number[];
}

/**
 * Keeps the answer to "which rows does this selector select?" for many selectors at once, while rows come, go and
 * change their labels. Rows are small integers (number identities densely, do not use their ids). Each selector
 * is filed under the rarest label it asks for, so that a new row is compared only with the few selectors filed
 * under one of its labels, and with those that ask for no label at all.
 */
export class SelectorIndex {
  readonly #rows = new Map<number, LabelSet>();
  readonly #entries = new Map<string, Entry>();
  readonly #postings = new Postings<Entry>();
  /** Those that no label leads to: every row is a candidate. */
  readonly #unfiled = new Set<Entry>();
  readonly #events: TypedEmitter<SelectorIndexEvents>;
  /** Changes that listeners have not heard of yet. */
  #pending: SelectionChange[] = [];
  #telling = false;

  /** @param onListenerError hears of what listeners throw. */
  constructor(onListenerError: ListenerErrorHook) {
    this.#events = new TypedEmitter(onListenerError);
  }

  get events(): Emits<SelectorIndexEvents> {
    return this.#events;
  }

  /** How many rows it knows. */
  get size(): number {
    return this.#rows.size;
  }

  labelsOf(row: number): LabelSet | undefined {
    return this.#rows.get(row);
  }

  /** Adds a row, or changes its labels. */
  set(row: number, labels: LabelSet): void {
    this.update([[row, labels]]);
  }

  /** Removes a row; an unknown one is no error. */
  delete(row: number): void {
    this.update([[row, undefined]]);
  }

  /**
   * Applies many changes as one: `undefined` removes the row. Of several changes to a row the last counts.
   * Listeners hear of it when everything is done; what a listener changes is told after that.
   *
   * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` for a row that is not an unsigned 32-bit integer.
   */
  update(changes: Iterable<readonly [row: number, labels: LabelSet | undefined]>): void {
    const last = new Map(changes);
    for (const row of last.keys()) checkRow(row);
    const deltas = new Map<Entry, Delta>();
    for (const [row, labels] of last) {
      const before = this.#rows.get(row);
      if (before === labels) continue;
      if (before !== undefined) this.#remove(row, before, deltas);
      if (labels !== undefined) this.#add(row, labels, deltas);
    }
    for (const [selection, { added, removed }] of deltas) {
      if (added.length > 0 || removed.length > 0) this.#pending.push({ selection, added, removed });
    }
    this.#tell();
  }

  /** Begins to follow `selector`. Equal selectors share one selection; give each back with {@link release}. */
  acquire(selector: Selector): Selection {
    let entry = this.#entries.get(selector.key);
    if (entry === undefined) {
      entry = { selector, rows: new RowSet(), holders: 0, under: undefined };
      this.#entries.set(selector.key, entry);
      this.#file(entry);
      this.#evaluate(entry);
    }
    entry.holders++;
    return entry;
  }

  /** Gives back one {@link acquire}. With the last one the selection is no longer kept up to date. */
  release(selection: Selection): void {
    const entry = this.#entries.get(selection.selector.key);
    if (entry !== selection || --entry.holders > 0) return;
    this.#entries.delete(selection.selector.key);
    this.#unfile(entry);
  }

  #add(row: number, labels: LabelSet, deltas: Map<Entry, Delta>): void {
    this.#rows.set(row, labels);
    this.#postings.addRow(row, labels);
    this.#forEachCandidate(labels, (entry) => {
      if (entry.rows.has(row) || !matches(entry.selector, labels)) return;
      entry.rows.add(row);
      record(deltas, entry, "added", "removed", row);
    });
    for (const entry of this.#postings.crowded(labels)) this.#refile(entry);
  }

  #remove(row: number, labels: LabelSet, deltas: Map<Entry, Delta>): void {
    this.#forEachCandidate(labels, (entry) => {
      if (entry.rows.delete(row)) record(deltas, entry, "removed", "added", row);
    });
    this.#rows.delete(row);
    this.#postings.deleteRow(row, labels);
  }

  #forEachCandidate(labels: LabelSet, visit: (entry: Entry) => void): void {
    this.#postings.forEachFiled(labels, visit);
    this.#unfiled.forEach(visit);
  }

  #evaluate({ selector, rows, under }: Entry): void {
    const consider = (row: number): void => {
      if (matches(selector, this.#rows.get(row)!)) rows.add(row);
    };
    if (under !== undefined) this.#postings.forEachRow(under, consider);
    else for (const row of this.#rows.keys()) consider(row);
  }

  #file(entry: Entry): void {
    entry.under = this.#postings.rarest(entry.selector);
    if (entry.under === undefined) this.#unfiled.add(entry);
    else this.#postings.file(entry, entry.under);
  }

  #unfile(entry: Entry): void {
    if (entry.under === undefined) this.#unfiled.delete(entry);
    else this.#postings.unfile(entry, entry.under);
  }

  #refile(entry: Entry): void {
    if (this.#postings.rarest(entry.selector) === entry.under) return;
    this.#unfile(entry);
    this.#file(entry);
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#pending.length > 0) {
      const changes = this.#pending;
      this.#pending = [];
      for (const change of changes) this.#events.emit("selection:changed", change);
    }
    this.#telling = false;
  }
}

/** Notes that `row` was added or removed; one that merely left and came back is not mentioned. */
function record(
  deltas: Map<Entry, Delta>,
  entry: Entry,
  to: keyof Delta,
  from: keyof Delta,
  row: number,
): void {
  let delta = deltas.get(entry);
  if (delta === undefined) {
    delta = { added: [], removed: [] };
    deltas.set(entry, delta);
  }
  if (delta[from].at(-1) === row) delta[from].pop();
  else delta[to].push(row);
}

function checkRow(row: number): void {
  if (Number.isInteger(row) && row >= 0 && row <= 0xffff_ffff) return;
  throw new NetloomError("ERR_OPTIONS_INVALID", `${row} is not a row number`, {
    input: row,
    remedy: "number rows densely from 0",
  });
}
