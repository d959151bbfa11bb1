import {
  NetloomError,
  type Datapath,
  type Ipam,
  type OperatorComponent,
  type Routing,
  type Runtime,
  type Store,
} from "@netloom/core";
import type { FaultRates } from "./kernel/rates.ts";
import type { PlannedEvent } from "./plan/events.ts";

/** What the cluster is made of. Each is called anew for each life of a process. */
export interface Backends {
  readonly ipam: (node: string) => Ipam;
  readonly routing: (node: string) => Routing;
  /** The other halves, as the operators run them. Several: the operators can come back with another. @defaultValue [] */
  readonly components?: readonly (() => readonly OperatorComponent[])[];
  /** Made once for a machine: it outlives its agents. @defaultValue core's in memory */
  readonly datapath?: (node: string) => Datapath;
  /** Stands between a process and the store. @defaultValue nothing does */
  readonly store?: (store: Store, process: string) => Store;
}

/** What a process of one's own is given. */
export interface ProcessContext {
  readonly name: string;
  readonly store: Store;
  /** All of time and chance that it may use. */
  readonly runtime: Runtime;
}

/** A law of one's own. */
export interface Invariant {
  readonly name: string;
  /** Asked after each step; what it returns is what is wrong. */
  readonly always?: (cluster: InvariantView) => string | undefined;
  /** Asked after the last fault, until it returns nothing. */
  readonly eventually?: (cluster: InvariantView) => string | undefined;
}

/** The cluster as nobody in it can see it. */
export interface InvariantView {
  /** What the store holds under a prefix at this moment. */
  list(prefix: string): readonly { readonly key: string; readonly value: unknown }[];
  /** Nodes that are on the fabric. */
  readonly nodes: readonly string[];
}

export interface SimulatedClusterOptions {
  /** Everything follows from it. */
  readonly seed: number;
  readonly nodes: number;
  /** Any number may run at once. @defaultValue 2 */
  readonly operators?: number;
  readonly backends: Backends;
  /** `false`: everything works. @defaultValue the usual rates */
  readonly faults?: Partial<FaultRates> | false;
  /** What is done to the cluster, and when. @defaultValue drawn from the seed */
  readonly plan?: readonly PlannedEvent[];
  /** Steps over which a drawn plan is spread, and after which faults stop. @defaultValue 1000 */
  readonly steps?: number;
  /** Draw services too. @defaultValue false */
  readonly services?: boolean;
  /** One's own processes, crashed and paused as all others are: begun anew after each crash. @defaultValue none */
  readonly processes?: Readonly<Record<string, (context: ProcessContext) => Promise<void>>>;
  readonly invariants?: readonly Invariant[];
  /** How often operators look for unused identities, in milliseconds. @defaultValue 700 */
  readonly identityInterval?: number;
  /** The agents' grace for new identities, in milliseconds. @defaultValue 300 */
  readonly identityGrace?: number;
  /** Virtual milliseconds within which everything must come right after the last fault. @defaultValue 120000 */
  readonly patience?: number;
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkOptions({ seed, nodes, operators = 2 }: SimulatedClusterOptions): void {
  if (!Number.isInteger(seed) || seed < 0) throw invalid("seed", seed, "give a whole number from 0");
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 200)
    throw invalid("nodes", nodes, "give 1 to 200 nodes");
  if (!Number.isInteger(operators) || operators < 0 || operators > 20)
    throw invalid("operators", operators, "give 0 to 20 operators");
}

function invalid(option: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option} ${String(input)} is not acceptable`, {
    input,
    remedy,
  });
}
