import { NetloomError } from "../errors.ts";
import { type Label, checkLabel, compareLabels, formatLabel, parseLabel } from "./label.ts";
import { InternedLabelSet, type LabelSet, type TableLabel } from "./label-set.ts";

type ByValue = Map<string, TableLabel>;
type ByKey = Map<string, ByValue>;

/**
 * Gives one {@link LabelSet} object for each distinct set of labels, so that sets compare by reference. One table
 * serves one cluster view; several live side by side in a process and know nothing of each other.
 */
export class LabelTable {
  readonly #bySource = new Map<string, ByKey>();
  /** The first set of each hash; the others hang on its `next`. */
  readonly #sets = new Map<number, InternedLabelSet>();
  #size = 0;
  #lastId = 0;

  /** How many sets it holds. */
  get size(): number {
    return this.#size;
  }

  /**
   * The set of these labels, in any order. A label that occurs twice counts once.
   *
   * @throws {@link NetloomError} `ERR_LABEL_INVALID` when a label is malformed, or two give the same source and key
   *   different values.
   */
  intern(labels: Iterable<Label>): LabelSet {
    const list = [...labels];
    const ids: number[] = [];
    for (const { source, key, value } of list) {
      const known = this.#bySource.get(source)?.get(key)?.get(value);
      if (known === undefined) return this.#add(list);
      insertId(ids, known.id);
    }
    return this.#find(ids, hashIds(ids)) ?? this.#add(list);
  }

  /**
   * The set of the labels of one source, given as Kubernetes does: `{ app: "web" }`.
   *
   * @throws {@link NetloomError} `ERR_LABEL_INVALID`
   */
  internRecord(source: string, record: Readonly<Record<string, string>>): LabelSet {
    const byKey = this.#bySource.get(source);
    const ids: number[] = [];
    for (const key of Object.keys(record)) {
      const known = byKey?.get(key)?.get(record[key]!);
      if (known === undefined) return this.#addRecord(source, record);
      insertId(ids, known.id);
    }
    return this.#find(ids, hashIds(ids)) ?? this.#addRecord(source, record);
  }

  /**
   * The set of labels written as text, `source:key=value` each.
   *
   * @throws {@link NetloomError} `ERR_LABEL_INVALID`
   */
  fromStrings(texts: Iterable<string>): LabelSet {
    return this.intern(Array.from(texts, parseLabel));
  }

  /**
   * The set with this canonical text, see {@link LabelSet.key}.
   *
   * @throws {@link NetloomError} `ERR_LABEL_INVALID`
   */
  parse(key: string): LabelSet {
    return this.fromStrings(key === "" ? [] : key.split(";"));
  }

  /**
   * Forgets a set that nobody needs any more, and the labels that were only in it. Interning the same labels
   * afterwards makes a new object, so forget a set only together with everything that compares by it.
   *
   * @returns whether the set was this table's.
   */
  forget(set: LabelSet): boolean {
    if (!(set instanceof InternedLabelSet) || !this.#unlink(set)) return false;
    this.#size--;
    for (const label of set.labels) if (--label.uses === 0) this.#drop(label);
    return true;
  }

  #find(ids: readonly number[], hash: number): InternedLabelSet | undefined {
    let set = this.#sets.get(hash);
    while (set !== undefined && !sameIds(set.ids, ids)) set = set.next;
    return set;
  }

  #addRecord(source: string, record: Readonly<Record<string, string>>): LabelSet {
    return this.#add(Object.entries(record).map(([key, value]) => ({ source, key, value })));
  }

  /** Everything is checked before anything is kept. */
  #add(list: readonly Label[]): LabelSet {
    const labels = canonical(list).map((label) => this.#labelOf(label));
    const ids: number[] = [];
    for (const label of labels) {
      label.uses++;
      insertId(ids, label.id);
    }
    const set = new InternedLabelSet(labels, ids, hashIds(ids));
    set.next = this.#sets.get(set.idHash);
    this.#sets.set(set.idHash, set);
    this.#size++;
    return set;
  }

  #labelOf({ source, key, value }: Label): TableLabel {
    const byKey = getOrAdd(this.#bySource, source, () => new Map<string, ByValue>());
    const byValue = getOrAdd(byKey, key, () => new Map<string, TableLabel>());
    return getOrAdd(byValue, value, () => ({ source, key, value, id: ++this.#lastId, uses: 0 }));
  }

  #drop(label: TableLabel): void {
    const byKey = this.#bySource.get(label.source);
    const byValue = byKey?.get(label.key);
    byValue?.delete(label.value);
    if (byValue?.size === 0) byKey?.delete(label.key);
    if (byKey?.size === 0) this.#bySource.delete(label.source);
  }

  #unlink(set: InternedLabelSet): boolean {
    let before = this.#sets.get(set.idHash);
    if (before === set) {
      if (set.next === undefined) this.#sets.delete(set.idHash);
      else this.#sets.set(set.idHash, set.next);
      return true;
    }
    while (before !== undefined && before.next !== set) before = before.next;
    if (before === undefined) return false;
    before.next = set.next;
    return true;
  }
}

/** Checked, sorted, each label once. */
function canonical(list: readonly Label[]): Label[] {
  const result: Label[] = [];
  for (const label of list.map(checkLabel).sort(compareLabels)) {
    const last = result.at(-1);
    if (last?.key !== label.key || last.source !== label.source) {
      result.push(label);
    } else if (last.value !== label.value) {
      throw new NetloomError(
        "ERR_LABEL_INVALID",
        `${formatLabel(last)} and ${formatLabel(label)} contradict`,
        {
          input: list.map(formatLabel),
          remedy: "give each source and key one value",
        },
      );
    }
  }
  return result;
}

/** Keeps `ids` ascending and free of repetitions: sets are small, so insertion beats sorting. */
function insertId(ids: number[], id: number): void {
  let i = ids.length;
  while (i > 0 && ids[i - 1]! > id) i--;
  if (i > 0 && ids[i - 1] === id) return;
  ids.push(id);
  for (let j = ids.length - 1; j > i; j--) ids[j] = ids[j - 1]!;
  ids[i] = id;
}

function hashIds(ids: readonly number[]): number {
  let hash = ids.length;
  for (const id of ids) {
    hash = Math.imul(hash ^ id, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
