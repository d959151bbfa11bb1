interface Version<Value> {
  readonly revision: number;
  readonly at: number;
  readonly value: Value | undefined;
}

/** A moment of a {@link History}: everything until this revision, and until this time. */
export interface Moment {
  readonly revision: number;
  readonly at: number;
}

/** A table that can be read as it was: what clients of an eventually consistent API get to see. */
export class History<Value> {
  readonly #versions = new Map<string, Version<Value>[]>();
  readonly #memory: number;
  #revision = 0;
  /** Nothing is forgotten as long as somebody reads the past. */
  keep = false;

  /** @param memory - for how many milliseconds the past is kept; `0` keeps nothing but the present. */
  constructor(memory: number) {
    this.#memory = memory;
  }

  get revision(): number {
    return this.#revision;
  }

  set(key: string, value: Value | undefined, at: number): void {
    const version = { revision: ++this.#revision, at, value };
    const versions = this.#versions.get(key) ?? [];
    versions.push(version);
    // The newest of those that are older than anybody may still see stays.
    while (!this.keep && versions.length > 1 && versions[1]!.at + this.#memory < at) versions.shift();
    if (versions.length === 1 && value === undefined) this.#versions.delete(key);
    else this.#versions.set(key, versions);
  }

  get(key: string, moment?: Moment): Value | undefined {
    const versions = this.#versions.get(key);
    if (moment === undefined) return versions?.at(-1)?.value;
    return versions?.findLast(({ revision, at }) => revision <= moment.revision && at <= moment.at)?.value;
  }

  *values(moment?: Moment): IterableIterator<Value> {
    for (const key of this.#versions.keys()) {
      const value = this.get(key, moment);
      if (value !== undefined) yield value;
    }
  }
}
