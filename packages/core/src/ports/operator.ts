import type { Runtime } from "./runtime.ts";
import type { Revision, Store } from "./store.ts";

export interface OperatorContext {
  readonly store: Store;
  /** The component's own part of the store: a key prefix that ends in `/`. */
  readonly prefix: (component: string) => string;
  readonly runtime: Runtime;
  /** What goes wrong in a loop does not vanish: it becomes an `error` event of the operator. */
  readonly report: (error: unknown) => void;
  /** Resolves when every node's datapath has acknowledged the store's state as of `revision`. */
  readonly settled: (revision: Revision, signal?: AbortSignal) => Promise<void>;
  /** Names of the nodes that are registered. */
  readonly nodes: () => Promise<readonly string[]>;
}

/** A part of the operator: the other half of a backend, e.g. who hands out the nodes' ranges. */
export interface OperatorComponent {
  readonly name: string;
  /** Works until aborted. May run on several operators at once: exclusion comes from the store alone. */
  run(context: OperatorContext, signal: AbortSignal): Promise<void>;
}
