import type { Runtime } from "./runtime.ts";
import type { Store } from "./store.ts";

export interface OperatorContext {
  readonly store: Store;
  /** The component's own part of the store: a key prefix that ends in `/`. */
  readonly prefix: (component: string) => string;
  readonly runtime: Runtime;
  /** What goes wrong in a loop does not vanish: it becomes an `error` event of the operator. */
  readonly report: (error: unknown) => void;
  /** Resolves when every node's datapath has what the facts say at the time of the call. */
  readonly settled: (signal?: AbortSignal) => Promise<void>;
  /** Names of the nodes that are registered, read now. */
  readonly nodes: () => Promise<readonly string[]>;
  /** Calls back at once and whenever a node comes or goes. Resolves when aborted. */
  readonly watchNodes: (onChange: () => void, signal: AbortSignal) => Promise<void>;
}

/** A part of the operator: the other half of a backend, e.g. who hands out the nodes' ranges. */
export interface OperatorComponent {
  readonly name: string;
  /** Works until aborted. May run on several operators at once: exclusion comes from the store alone. */
  run(context: OperatorContext, signal: AbortSignal): Promise<void>;
}
