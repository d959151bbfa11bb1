import { NetloomError } from "../errors.ts";
import { ANY_SOURCE, isLabelKey, isLabelValue, isSource, splitSource } from "./label.ts";
import { type Requirement, type Selector, type SelectorOperator, selectorOf } from "./selector.ts";

const OPERATORS: readonly string[] = ["In", "NotIn", "Exists", "DoesNotExist"] satisfies SelectorOperator[];

/**
 * Checks a selector written as a `SelectorInput`, from wherever it came. `{}` selects everything. Keys are `app` for
 * any source (`any:app` says the same) or `k8s:app`.
 *
 * @param path how the input is called in messages, e.g. `spec.podSelector`
 * @throws {@link NetloomError} `ERR_SELECTOR_INVALID`, with the path of the offending part. Unknown fields are refused,
 *   for a misspelt field would widen what is selected.
 */
export function parseSelector(input: unknown, path = "selector"): Selector {
  const spec = fieldsOf(input, path, ["matchLabels", "matchExpressions"]);
  return selectorOf([
    ...labelsOf(spec["matchLabels"], `${path}.matchLabels`),
    ...expressionsOf(spec["matchExpressions"], `${path}.matchExpressions`),
  ]);
}

function labelsOf(input: unknown, path: string): Requirement[] {
  if (input === undefined) return [];
  return Object.entries(fieldsOf(input, path)).map(([name, value]) => {
    const { source, key } = keyOf(name, path);
    return { source, key, operator: "In", values: [valueOf(value, `${path}[${JSON.stringify(name)}]`)] };
  });
}

function expressionsOf(input: unknown, path: string): Requirement[] {
  if (input === undefined) return [];
  return arrayOf(input, path).map((expression, i) => expressionOf(expression, `${path}[${i}]`));
}

function expressionOf(input: unknown, path: string): Requirement {
  const { key, operator, values } = fieldsOf(input, path, ["key", "operator", "values"]);
  if (typeof operator !== "string" || !OPERATORS.includes(operator)) {
    throw invalid(`${path}.operator`, operator, "is not an operator", `use ${OPERATORS.join(", ")}`);
  }
  return {
    ...keyOf(key, `${path}.key`),
    operator: operator as SelectorOperator,
    values: valuesOf(values, operator as SelectorOperator, `${path}.values`),
  };
}

function valuesOf(input: unknown, operator: SelectorOperator, path: string): string[] {
  const values = input === undefined ? [] : arrayOf(input, path);
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues !== values.length > 0) {
    const remedy = takesValues ? `give ${operator} at least one value` : `leave values out with ${operator}`;
    throw invalid(path, input, takesValues ? "is empty" : "is not empty", remedy);
  }
  return [...new Set(values.map((value, i) => valueOf(value, `${path}[${i}]`)))].sort();
}

function keyOf(name: unknown, path: string): Pick<Requirement, "source" | "key"> {
  const { source, key } = splitSource(typeof name === "string" ? name : "");
  if (!isLabelKey(key) || (source !== undefined && !isSource(source))) {
    throw invalid(path, name, "is not a label key", "write e.g. app.kubernetes.io/name or k8s:app");
  }
  return { source: source === ANY_SOURCE ? undefined : source, key };
}

function valueOf(value: unknown, path: string): string {
  if (isLabelValue(value)) return value;
  throw invalid(
    path,
    value,
    "is not a label value",
    "use letters, digits and ._- with a letter or digit at both ends",
  );
}

function fieldsOf(input: unknown, path: string, known?: readonly string[]): Record<string, unknown> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(
      path,
      input,
      "is not an object",
      "write { matchLabels: { app: 'web' } }, or {} for everything",
    );
  }
  const unknown = known === undefined ? undefined : Object.keys(input).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw invalid(`${path}.${unknown}`, unknown, "is not a known field", `use ${known?.join(", ")}`);
  }
  return input as Record<string, unknown>;
}

function arrayOf(input: unknown, path: string): readonly unknown[] {
  if (Array.isArray(input)) return input;
  throw invalid(path, input, "is not a list", "write a list");
}

function invalid(path: string, input: unknown, what: string, remedy: string): NetloomError {
  return new NetloomError("ERR_SELECTOR_INVALID", `${path}: ${show(input)} ${what}`, { input, remedy });
}

function show(input: unknown): string {
  if (typeof input === "string") return JSON.stringify(input);
  if (typeof input !== "object" || input === null) return String(input);
  return Array.isArray(input) ? `a list of ${input.length}` : "an object";
}
