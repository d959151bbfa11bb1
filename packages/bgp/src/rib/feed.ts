import { AdjIn } from "./adj-in.ts";
import type { AttributeStore } from "./attribute-store.ts";
import type { Candidates } from "./decision.ts";
import type { Evaluator } from "./evaluator.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { Source } from "./source.ts";

/** Routes of one family from one source, and what its import policy makes of them. */
export class Feed {
  source: Source;
  adjIn: AdjIn;
  /** Of `adjIn.received`, those the import policy let in. */
  accepted = 0;
  /** `undefined`: all pass as they are. */
  importer: Evaluator | undefined;

  constructor(source: Source, store: AttributeStore, table: PrefixTable, importer?: Evaluator) {
    this.source = source;
    this.adjIn = new AdjIn(store, table);
    this.importer = importer;
  }

  /** The attributes a path has after import; 0: it does not pass, or there was none. */
  passed(id: number, prefix: number): number {
    if (id === 0 || this.importer === undefined) return id;
    return this.importer.evaluate(id, prefix);
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
}
