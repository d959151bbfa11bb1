import type { LabelSet } from "./label-set.ts";
import { RowSet } from "./row-set.ts";
import type { Requirement, Selector } from "./selector.ts";

/** What is filed under a label or a key. */
class Drawer<T> {
  readonly filed: Set<T> = new Set();
  /** How many rows there are when what is filed here should be looked at again; see {@link Postings.crowded}. */
  reviewAt = 16;
}

/** One label, whatever its source, and the rows that carry it. */
class ValuePosting<T> extends Drawer<T> {
  readonly rows: RowSet = new RowSet();
}

/** The labels of one key. */
class KeyPosting<T> extends Drawer<T> {
  readonly byValue = new Map<string, ValuePosting<T>>();
  /** Rows of all values together. */
  count = 0;
}

/**
 * An inverted index: from labels to the rows that carry them, and to the selectors filed under them. Labels are
 * told apart by key and value only; a selector that names a source checks it on each candidate.
 */
export class Postings<T> {
  readonly #byKey = new Map<string, KeyPosting<T>>();

  addRow(row: number, set: LabelSet): void {
    for (const { key, value } of set.labels) {
      const byKey = this.#keyPosting(key);
      if (this.#posting(byKey, value).rows.add(row)) byKey.count++;
    }
  }

  deleteRow(row: number, set: LabelSet): void {
    for (const { key, value } of set.labels) {
      const byKey = this.#byKey.get(key);
      const posting = byKey?.byValue.get(value);
      if (byKey === undefined || posting?.rows.delete(row) !== true) continue;
      byKey.count--;
      this.#tidy(key, byKey, value, posting);
    }
  }

  /** Calls `visit` with everything filed under a label or a key of `set`; the same thing may come twice. */
  forEachFiled(set: LabelSet, visit: (filed: T) => void): void {
    for (const { key, value } of set.labels) {
      const byKey = this.#byKey.get(key);
      byKey?.byValue.get(value)?.filed.forEach(visit);
      byKey?.filed.forEach(visit);
    }
  }

  /**
   * Those filed under a label or key of `set` that has become twice as common since it was last looked at: some
   * of them may ask for a rarer label.
   */
  crowded(set: LabelSet): T[] {
    const result: T[] = [];
    const review = (drawer: Drawer<T> | undefined, count: number): void => {
      if (drawer === undefined || count < drawer.reviewAt) return;
      drawer.reviewAt = count * 2;
      result.push(...drawer.filed);
    };
    for (const { key, value } of set.labels) {
      const byKey = this.#byKey.get(key);
      const posting = byKey?.byValue.get(value);
      review(byKey, byKey?.count ?? 0);
      review(posting, posting?.rows.size ?? 0);
    }
    return result;
  }

  /**
   * The requirement that the fewest rows can meet, or `undefined` when none of them asks for a label to be there.
   */
  rarest({ requirements }: Selector): Requirement | undefined {
    let best: Requirement | undefined;
    let bestCount = Infinity;
    for (const requirement of requirements) {
      const count = this.#count(requirement);
      if (count >= bestCount) continue;
      best = requirement;
      bestCount = count;
    }
    return best;
  }

  file(filed: T, under: Requirement): void {
    const byKey = this.#keyPosting(under.key);
    if (under.operator === "Exists") byKey.filed.add(filed);
    for (const value of under.values) this.#posting(byKey, value).filed.add(filed);
  }

  unfile(filed: T, under: Requirement): void {
    const byKey = this.#byKey.get(under.key);
    if (byKey === undefined) return;
    byKey.filed.delete(filed);
    for (const value of under.values) {
      const posting = byKey.byValue.get(value);
      if (posting?.filed.delete(filed) === true) this.#tidy(under.key, byKey, value, posting);
    }
    if (under.values.length === 0) this.#tidyKey(under.key, byKey);
  }

  /** Calls `visit` with the rows that can meet `requirement`, a row more than once when several labels do. */
  forEachRow(requirement: Requirement, visit: (row: number) => void): void {
    const byKey = this.#byKey.get(requirement.key);
    if (requirement.operator === "Exists") byKey?.byValue.forEach((posting) => posting.rows.forEach(visit));
    for (const value of requirement.values) byKey?.byValue.get(value)?.rows.forEach(visit);
  }

  /** At most how many rows meet it; infinite for one that an absent label meets. */
  #count({ key, operator, values }: Requirement): number {
    if (operator === "NotIn" || operator === "DoesNotExist") return Infinity;
    const byKey = this.#byKey.get(key);
    if (operator === "Exists") return byKey?.count ?? 0;
    return values.reduce((sum, value) => sum + (byKey?.byValue.get(value)?.rows.size ?? 0), 0);
  }

  #keyPosting(key: string): KeyPosting<T> {
    let posting = this.#byKey.get(key);
    if (posting === undefined) {
      posting = new KeyPosting();
      this.#byKey.set(key, posting);
    }
    return posting;
  }

  #posting(byKey: KeyPosting<T>, value: string): ValuePosting<T> {
    let posting = byKey.byValue.get(value);
    if (posting === undefined) {
      posting = new ValuePosting();
      byKey.byValue.set(value, posting);
    }
    return posting;
  }

  /** Labels come and go for ever; what is empty must not stay behind. */
  #tidy(key: string, byKey: KeyPosting<T>, value: string, posting: ValuePosting<T>): void {
    if (posting.rows.size > 0 || posting.filed.size > 0) return;
    byKey.byValue.delete(value);
    this.#tidyKey(key, byKey);
  }

  #tidyKey(key: string, byKey: KeyPosting<T>): void {
    if (byKey.byValue.size === 0 && byKey.filed.size === 0) this.#byKey.delete(key);
  }
}
