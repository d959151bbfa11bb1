import { AdjIn } from "./adj-in.ts";
import type { AttributeStore } from "./attribute-store.ts";
import type { Candidates } from "./decision.ts";
import type { Evaluator } from "./evaluator.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { Source } from "./source.ts";

/** What import was before, for prefixes that have not been looked at again since: those from this one on. */
interface Earlier {
  from: number;
  readonly importer: Evaluator | undefined;
}

/** Routes of one family from one source, and what its import policy makes of them. */
export class Feed {
  source: Source;
  adjIn: AdjIn;
  /** Of `adjIn.received`, those the import policy let in. */
  accepted = 0;
  readonly #store: AttributeStore;
  readonly #table: PrefixTable;
  /** `undefined`: all pass as they are. */
  #importer: Evaluator | undefined;
  /** The latest first; none reaches further than the one before it. */
  #earlier: Earlier[] = [];

  constructor(source: Source, store: AttributeStore, table: PrefixTable, importer?: Evaluator) {
    this.source = source;
    this.adjIn = new AdjIn(store, table);
    this.#store = store;
    this.#table = table;
    this.#importer = importer;
  }

  /**
   * Import is another one from now on; of each prefix that has routes, once that is {@link renewed}. So whatever has been
   * worked out of a route is what its policy says, though they are not all looked at in one go.
   */
  setImporter(importer: Evaluator): void {
    if (this.adjIn.received === 0) this.#earlier = [];
    else this.#earlier.unshift({ from: 1, importer: this.#importer });
    this.#importer = importer;
  }

  /** What is below is looked at by the latest import. */
  renewed(below: number): void {
    for (const earlier of this.#earlier) earlier.from = Math.max(earlier.from, below);
    if (below === Infinity) this.#earlier = [];
  }

  /** The attributes a path has after import; 0: it does not pass, or there was none. */
  passed(id: number, prefix: number): number {
    const importer = this.#earlier.length === 0 ? this.#importer : this.#importerOf(prefix);
    return id === 0 || importer === undefined ? id : importer.evaluate(id, prefix);
  }

  /** How many paths of a prefix pass. */
  passing(prefix: number): number {
    if (!this.adjIn.several) return this.passed(this.adjIn.get(prefix), prefix) === 0 ? 0 : 1;
    let count = 0;
    this.adjIn.paths(prefix, (id) => void (this.passed(id, prefix) !== 0 && (count += 1)));
    return count;
  }

  /** Adds the paths of a prefix that may be used. */
  offer(prefix: number, candidates: Candidates): void {
    if (!this.adjIn.several) {
      const id = this.passed(this.adjIn.get(prefix), prefix);
      if (id !== 0) candidates.add(id, this.source, 0);
      return;
    }
    this.adjIn.paths(prefix, (path, pathId) => {
      const id = this.passed(path, prefix);
      if (id !== 0) candidates.add(id, this.source, pathId);
    });
  }

  /** Has nothing from now on; returns what it had. */
  takeAll(): AdjIn {
    const { adjIn } = this;
    this.adjIn = new AdjIn(this.#store, this.#table);
    this.accepted = 0;
    this.#earlier = [];
    return adjIn;
  }

  /** Has nothing stale from now on; returns what of it was. */
  takeStale(): AdjIn {
    const { stale, received } = this.adjIn;
    if (stale === received) return this.takeAll();
    return this.adjIn.takeStale((prefix, id) => {
      if (this.passed(id, prefix) !== 0) this.accepted -= 1;
    });
  }

  #importerOf(prefix: number): Evaluator | undefined {
    let importer = this.#importer;
    for (const earlier of this.#earlier) if (prefix >= earlier.from) importer = earlier.importer;
    return importer;
  }
}
