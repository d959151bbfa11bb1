import * as fc from "fast-check";

import { type Label, type SelectorInput } from "../../src/labels/index.ts";

const source = fc.constantFrom("k8s", "container");
const key = fc.constantFrom("app", "tier", "env", "app.kubernetes.io/name");
const value = fc.constantFrom("", "a", "b", "c");

export const label: fc.Arbitrary<Label> = fc.record({ source, key, value });

/** Labels that do not contradict each other. */
export const labels: fc.Arbitrary<Label[]> = fc.uniqueArray(label, {
  maxLength: 6,
  selector: (it) => `${it.source}:${it.key}`,
});

const name = fc.oneof(
  key,
  fc.tuple(source, key).map(([s, k]) => `${s}:${k}`),
);
const values = fc.array(value, { minLength: 1, maxLength: 3 });

const expression = fc.oneof(
  fc.record({ key: name, operator: fc.constantFrom("In" as const, "NotIn" as const), values }),
  fc.record({ key: name, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
);

export const selectorInput: fc.Arbitrary<SelectorInput> = fc.record(
  {
    matchLabels: fc.dictionary(name, value, { maxKeys: 2 }),
    matchExpressions: fc.array(expression, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

/** Kubernetes' definition, word by word, as the oracle for everything faster. */
export function naivelyMatches(input: SelectorInput, set: readonly Label[]): boolean {
  const expressions = [
    ...Object.entries(input.matchLabels ?? {}).map(([k, v]) => ({ key: k, operator: "In", values: [v] })),
    ...(input.matchExpressions ?? []),
  ];
  return expressions.every(({ key: wanted, operator, values: list = [] }) => {
    const present = set.filter((it) => it.key === wanted || `${it.source}:${it.key}` === wanted);
    const hit = present.some((it) => list.includes(it.value));
    if (operator === "In") return hit;
    if (operator === "NotIn") return !hit;
    return operator === "Exists" ? present.length > 0 : present.length === 0;
  });
}
