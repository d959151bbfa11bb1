import type { Change, Entry, Revision } from "@netloom/core";

interface Version {
  readonly revision: Revision;
  /** `undefined`: deleted. */
  readonly entry: Entry | undefined;
}

/** Everything the store ever said: what it said as of any revision, whoever has read it by now. */
export class Timeline {
  /** By key, oldest first. */
  readonly #versions = new Map<string, Version[]>();
  readonly #listeners: ((change: Change) => void)[] = [];
  #revision: Revision = 0;
  /** Which key changed in each revision: they count from 1, one by one. */
  readonly #keysByRevision: string[] = [];

  get revision(): Revision {
    return this.#revision;
  }

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  add(change: Change): void {
    const put = change.type === "put";
    const key = put ? change.entry.key : change.key;
    const revision = put ? change.entry.revision : change.revision;
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#keysByRevision[revision - 1] = key;
    let versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, (versions = []));
    versions.push({ revision, entry: put ? change.entry : undefined });
    for (const listener of this.#listeners) listener(change);
  }

  /** @param at - as of this revision. @defaultValue now */
  get(key: string, at: Revision = this.#revision): Entry | undefined {
    const versions = this.#versions.get(key) ?? [];
    for (let index = versions.length - 1; index >= 0; index--) {
      if (versions[index]!.revision <= at) return versions[index]!.entry;
    }
    return undefined;
  }

  /** @param at - as of this revision. @defaultValue now */
  list(prefix: string, at: Revision = this.#revision): readonly Entry[] {
    const entries: Entry[] = [];
    for (const key of this.#versions.keys()) {
      const entry = key.startsWith(prefix) ? this.get(key, at) : undefined;
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** Keys that changed after one revision, up to another. */
  changedBetween(after: Revision, upTo: Revision): readonly string[] {
    return this.#keysByRevision.slice(after, upTo);
  }

  /** Everything a key ever said. */
  history(key: string): readonly Entry[] {
    return (this.#versions.get(key) ?? []).flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  }

  /** Every key there ever was under a prefix. */
  keys(prefix: string): readonly string[] {
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix));
  }
}
