import type { AttributeStore } from "./attribute-store.ts";
import type { CompiledPolicy } from "./compile-policy.ts";
import {
  finishEgress,
  prepareEgress,
  withheldBecause,
  type EgressOptions,
  type LearnedFrom,
} from "./egress.ts";
import { Evaluator } from "./evaluator.ts";
import type { FamilyRib } from "./family-rib.ts";
import type { Source } from "./source.ts";

/** What one peer gets of one family: the rules of the protocol, and its export policy. */
export class Export {
  /** There is no policy: nothing passes. */
  readonly nothing: boolean;
  readonly #rib: FamilyRib;
  readonly #store: AttributeStore;
  readonly #policy: CompiledPolicy | undefined;
  readonly #options: EgressOptions;
  /** The peer's own source, whose routes it does not get back. */
  readonly #self: number;
  /** By kind of source; by source, where the policy looks at it. */
  #evaluators = new Map<number | LearnedFrom, Evaluator>();
  #lastSource: Source | undefined;
  #lastEvaluator: Evaluator | undefined;

  constructor(rib: FamilyRib, self: number, policy: CompiledPolicy | undefined, options: EgressOptions) {
    this.#rib = rib;
    this.#store = rib.store;
    this.#self = self;
    this.#policy = policy;
    this.#options = options;
    this.nothing = policy === undefined || policy.statements.length === 0;
  }

  get options(): EgressOptions {
    return this.#options;
  }

  /** The best route of a prefix is the peer's own. */
  isOwn(prefix: number): boolean {
    return this.#rib.bestIndex(prefix) === this.#self;
  }

  /** Attributes with which the peer gets the best route of a prefix; 0: it does not. */
  best(prefix: number): number {
    const id = this.#rib.bestId(prefix);
    return id === 0 ? 0 : this.path(prefix, id, this.#rib.bestSource(prefix)!);
  }

  /** The same of any path. */
  path(prefix: number, id: number, source: Source): number {
    if (source.index === this.#self) return 0;
    if (source !== this.#lastSource) {
      this.#lastSource = source;
      this.#lastEvaluator = this.#evaluatorOf(source);
    }
    return this.#lastEvaluator!.evaluate(id, prefix);
  }

  /** A source is gone: its index will mean another. */
  forget(source: Source): void {
    this.#evaluators.delete(source.index);
    this.#lastSource = undefined;
  }

  #evaluatorOf(source: Source): Evaluator {
    const key = this.#policy?.usesOrigin === true ? source.index : source.from;
    const known = this.#evaluators.get(key);
    if (known !== undefined) return known;
    const { from, name } = source;
    const options = this.#options;
    const evaluator = new Evaluator(
      this.#store,
      this.#rib.table,
      this.#policy,
      {
        before: (attributes) =>
          withheldBecause(attributes, from, options) === undefined
            ? prepareEgress(attributes, from, options)
            : undefined,
        after: (attributes) => finishEgress(attributes, options),
        ownAsn: options.peer.kind === "internal" ? undefined : options.peer.localAsn,
      },
      from === "local" ? { peer: undefined, set: name } : { peer: name, set: undefined },
    );
    this.#evaluators.set(key, evaluator);
    return evaluator;
  }
}
