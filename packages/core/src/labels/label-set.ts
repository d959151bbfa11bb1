import { type Label, formatLabel, splitSource } from "./label.ts";

/**
 * An immutable set of labels, with at most one value for each source and key. Made by a `LabelTable`, which gives
 * the same object for the same labels: compare with `===`, use as a `Map` key.
 */
export interface LabelSet extends Iterable<Label> {
  /** Sorted by key, then source. */
  readonly labels: readonly Label[];
  /** The canonical text, labels joined by `;`. The same on every node and for ever; `LabelTable.parse` reads it. */
  readonly key: string;
  readonly size: number;
  /**
   * The value under `name`, which is a key (`app`: the first source in alphabetical order that has it) or a source
   * and a key (`k8s:app`); `undefined` when there is none.
   */
  get(name: string): string | undefined;
  has(name: string): boolean;
  toJSON(): string[];
}

/** The label as its table holds it: `id` is unique and stable there, `uses` counts the sets it is in. */
export interface TableLabel extends Label {
  readonly id: number;
  uses: number;
}

/** What a `LabelTable` makes. Not exported from the package. */
export class InternedLabelSet implements LabelSet {
  readonly labels: readonly TableLabel[];
  /** The ids of the labels in ascending order. */
  readonly ids: readonly number[];
  readonly hash: number;
  /** The next set in the table with the same hash. */
  next: InternedLabelSet | undefined;
  #key: string | undefined;

  constructor(labels: readonly TableLabel[], ids: readonly number[], hash: number) {
    this.labels = labels;
    this.ids = ids;
    this.hash = hash;
  }

  get key(): string {
    this.#key ??= this.labels.map(formatLabel).join(";");
    return this.#key;
  }

  get size(): number {
    return this.labels.length;
  }

  get(name: string): string | undefined {
    const { source, key } = splitSource(name);
    return this.labels.find((label) => label.key === key && (source === undefined || label.source === source))
      ?.value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  [Symbol.iterator](): Iterator<Label> {
    return this.labels.values();
  }

  toString(): string {
    return this.key;
  }

  toJSON(): string[] {
    return this.labels.map(formatLabel);
  }
}
