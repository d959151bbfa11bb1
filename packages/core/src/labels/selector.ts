import { NetloomError } from "../errors.ts";
import type { Label } from "./label.ts";
import type { LabelSet } from "./label-set.ts";

export type SelectorOperator = "In" | "NotIn" | "Exists" | "DoesNotExist";

/** A selector as people write it: Kubernetes' `LabelSelector`. Read it with `parseSelector`. */
export interface SelectorInput {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly SelectorExpression[];
}

export interface SelectorExpression {
  /** `app`, whatever its source, or `k8s:app`. */
  readonly key: string;
  readonly operator: SelectorOperator;
  /** One or more for `In` and `NotIn`, none for the others. */
  readonly values?: readonly string[];
}

/** One condition of a selector. All of them must hold. */
export interface Requirement {
  /** `undefined`: any source. */
  readonly source: string | undefined;
  readonly key: string;
  readonly operator: SelectorOperator;
  /** Sorted, each once; empty for `Exists` and `DoesNotExist`. */
  readonly values: readonly string[];
}

/** A selector that was checked and put in canonical form. */
export interface Selector {
  readonly requirements: readonly Requirement[];
  /**
   * The canonical text, in kubectl's notation: `app=web,k8s:tier in (a,b),!canary`, or `*` for everything. Selectors
   * with the same requirements have the same key.
   */
  readonly key: string;
}

/**
 * Does the set meet every requirement? As in Kubernetes, `NotIn` and `DoesNotExist` hold when the key is absent, and
 * no requirements at all match everything. A key without a source looks at every source: `In` holds when any of
 * them has such a value, `NotIn` when none has.
 */
export function matches(selector: Selector, set: LabelSet): boolean {
  const { requirements } = selector;
  for (let i = 0; i < requirements.length; i++) {
    if (!meets(requirements[i]!, set.labels)) return false;
  }
  return true;
}

function meets(requirement: Requirement, labels: readonly Label[]): boolean {
  const { operator } = requirement;
  const wanted = operator === "In" || operator === "Exists";
  return has(requirement, labels) === wanted;
}

/** Is there a label under this key, with one of the values if any are named? */
function has({ source, key, values }: Requirement, labels: readonly Label[]): boolean {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label.key !== key || (source !== undefined && label.source !== source)) continue;
    if (values.length === 0 || values.includes(label.value)) return true;
  }
  return false;
}

/** Puts requirements in canonical form: sorted, each once. */
export function selectorOf(requirements: readonly Requirement[]): Selector {
  const byText = new Map(requirements.map((requirement) => [formatRequirement(requirement), requirement]));
  const texts = [...byText.keys()].sort();
  return {
    requirements: texts.map((text) => byText.get(text)!),
    key: texts.length === 0 ? "*" : texts.join(","),
  };
}

function formatRequirement({ source, key, operator, values }: Requirement): string {
  const name = source === undefined ? key : `${source}:${key}`;
  switch (operator) {
    case "Exists":
      return name;
    case "DoesNotExist":
      return `!${name}`;
    case "In":
      return values.length === 1 ? `${name}=${values[0]}` : `${name} in (${values.join(",")})`;
    case "NotIn":
      return values.length === 1 ? `${name}!=${values[0]}` : `${name} notin (${values.join(",")})`;
    default:
      throw new NetloomError("ERR_SELECTOR_INVALID", `${String(operator)} is not an operator`, {
        input: operator,
      });
  }
}
