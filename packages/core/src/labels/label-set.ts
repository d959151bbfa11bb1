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
  /** An unsigned 32-bit hash of {@link LabelSet.key}: the same on every node and for ever. */
  hash(): number;
  /** Each label as text, in their order; `LabelTable.fromStrings` reads it. */
  toStrings(): string[];
  /** The same as {@link LabelSet.toStrings}. */
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
  /** The ids of the labels, ascending: what its table files it under. */
  readonly ids: string;
  #key: string | undefined;

  constructor(labels: readonly TableLabel[], ids: string) {
    this.labels = labels;
    this.ids = ids;
  }

  get key(): string {
    this.#key ??= this.toStrings().join(";");
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

  /** FNV-1a, and the finaliser of MurmurHash3 to spread its last step. */
  hash(): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < this.key.length; i++) hash = Math.imul(hash ^ this.key.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  toStrings(): string[] {
    return this.labels.map(formatLabel);
  }

  toJSON(): string[] {
    return this.toStrings();
  }

  toString(): string {
    return this.key;
  }
}
