import type { PathAttributes } from "../wire/attributes.ts";
import type { AttributeStore } from "./attribute-store.ts";
import type { CompiledPolicy, CompiledStatement, RouteOrigin } from "./compile-policy.ts";
import type { PrefixMatcher } from "./prefix-match.ts";
import type { PrefixTable } from "./prefix-table.ts";
import { ResultCache, UNKNOWN } from "./result-cache.ts";

/** What happens to a route besides the policy. `undefined`: it does not pass. */
export interface Frame {
  readonly before: (attributes: PathAttributes) => PathAttributes | undefined;
  readonly after: (attributes: PathAttributes) => PathAttributes;
  /** What a policy prepends; `undefined`: nothing. */
  readonly ownAsn: number | undefined;
}

interface Step {
  readonly prefixes: PrefixMatcher | undefined;
  readonly statement: CompiledStatement;
  result: number;
  resultStamp: number;
}

interface Plan {
  readonly stamp: number;
  readonly framed: PathAttributes;
  readonly steps: readonly Step[];
}

const FEW = 1024;

/**
 * Applies a policy to routes from one place. What depends on attributes alone is worked out once for each set of them; for
 * each prefix there is a look into an array, or a few integers are compared.
 */
export class Evaluator {
  readonly #store: AttributeStore;
  readonly #table: PrefixTable;
  readonly #policy: CompiledPolicy | undefined;
  readonly #frame: Frame;
  readonly #origin: RouteOrigin;
  /** Of attributes whose fate is the same for every prefix. */
  readonly #results: ResultCache;
  readonly #plans = new Map<number, Plan>();
  #lastId = 0;
  #lastPlan: Plan | undefined;

  constructor(
    store: AttributeStore,
    table: PrefixTable,
    policy: CompiledPolicy | undefined,
    frame: Frame,
    origin: RouteOrigin = { peer: undefined, set: undefined },
  ) {
    this.#store = store;
    this.#table = table;
    this.#policy = policy;
    this.#frame = frame;
    this.#origin = origin;
    this.#results = new ResultCache(store);
  }

  /** The id of what a route with these attributes becomes; 0: it does not pass. */
  evaluate(id: number, prefix: number): number {
    const known = this.#results.get(id);
    return known === UNKNOWN ? this.#work(id, prefix) : known;
  }

  #work(id: number, prefix: number): number {
    let plan = id === this.#lastId ? this.#lastPlan : this.#plans.get(id);
    if (plan === undefined || plan.stamp !== this.#store.stampOf(id)) {
      const framed = this.#policy && this.#frame.before(this.#store.get(id));
      const steps = framed === undefined ? [] : this.#stepsOf(framed);
      const [first] = steps;
      if (framed === undefined || first === undefined || first.prefixes === undefined) {
        const result = first === undefined ? 0 : this.#apply(first.statement, framed!, id);
        this.#results.set(id, result);
        return result;
      }
      if (this.#plans.size > FEW + this.#store.size * 2) this.#plans.clear();
      plan = { stamp: this.#store.stampOf(id), framed, steps };
      this.#plans.set(id, plan);
    }
    this.#lastId = id;
    this.#lastPlan = plan;
    for (const step of plan.steps) {
      if (step.prefixes !== undefined && !step.prefixes.matches(this.#table, prefix)) continue;
      if (step.result === UNKNOWN || this.#store.stampOf(step.result) !== step.resultStamp) {
        step.result = this.#apply(step.statement, plan.framed, id);
        step.resultStamp = this.#store.stampOf(step.result);
      }
      return step.result;
    }
    return 0;
  }

  /** Statements that may decide about such attributes, up to the one that does for any prefix. */
  #stepsOf(framed: PathAttributes): Step[] {
    const steps: Step[] = [];
    for (const statement of this.#policy?.statements ?? []) {
      if (!statement.matches(framed, this.#origin)) continue;
      const prefixes = statement.prefixes?.[this.#table.family];
      steps.push({ prefixes, statement, result: UNKNOWN, resultStamp: 0 });
      if (prefixes === undefined) break;
    }
    return steps;
  }

  #apply(statement: CompiledStatement, framed: PathAttributes, id: number): number {
    if (!statement.accept) return 0;
    const changed = statement.change?.(framed, this.#frame.ownAsn) ?? framed;
    const result = this.#frame.after(changed);
    return result === this.#store.get(id) ? id : this.#store.intern(result);
  }
}
