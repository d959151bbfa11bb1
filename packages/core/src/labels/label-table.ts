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
  /** By the ids of their labels. */
  readonly #sets = new Map<string, InternedLabelSet>();
  #lastId = 0;

  /** How many sets it holds. */
  get size(): number {
    return this.#sets.size;
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
    return this.#sets.get(ids.join()) ?? this.#add(list);
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
    return this.#sets.get(ids.join()) ?? this.#addRecord(source, record);
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
    if (!(set instanceof InternedLabelSet) || this.#sets.get(set.ids) !== set) return false;
    this.#sets.delete(set.ids);
    for (const label of set.labels) if (--label.uses === 0) this.#drop(label);
    return true;
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
    const set = new InternedLabelSet(labels, ids.join());
    this.#sets.set(set.ids, set);
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

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
