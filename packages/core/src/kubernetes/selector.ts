import {
  parseSelector,
  type LabelFilter,
  type SelectorExpression,
  type SelectorInput,
} from "../labels/index.ts";
import { inside, invalid, parsedAt, type Place } from "../policy/parse-input.ts";
import { elementsAt, fieldsAt } from "./fields.ts";
import { isNamespaceKey, NAMESPACE_LABELS_PREFIX, POD_NAMESPACE_KEY } from "./namespace-labels.ts";

/** A prefix that is a DNS name, and a name: `app.kubernetes.io/name`. */
const KEY = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** A label selector, checked, that says nothing of namespaces yet. */
export interface PodSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly SelectorExpression[];
}

/** Reads a label selector. Its keys are those of labels that an endpoint has of its pod, or of its namespace. */
export function readSelector(
  input: unknown,
  place: Place,
  of: "pod" | "namespace",
  filter: LabelFilter,
): PodSelector {
  const fields = fieldsAt(input, place, ["matchLabels", "matchExpressions"]);
  const expressions = elementsAt(
    fields["matchExpressions"],
    inside(place, "matchExpressions"),
    "expressions",
  );
  const spec = {
    matchLabels: fields["matchLabels"] ?? {},
    matchExpressions: expressions.map((one) => fieldsAt(one.input, one.place, ["key", "operator", "values"])),
  };
  parsedAt({ policy: place.policy, path: "" }, () => parseSelector(spec, place.path));
  // The parser has seen that it is one.
  const selector = spec as unknown as PodSelector;
  const keyAt = (key: string, at: Place): string => checkKey(key, of, filter, at);
  return {
    matchLabels: Object.fromEntries(
      Object.entries(selector.matchLabels).map(([key, value]) => [
        keyAt(key, inside(place, "matchLabels")),
        value,
      ]),
    ),
    matchExpressions: selector.matchExpressions.map((expression, index) => ({
      ...expression,
      key: keyAt(expression.key, inside(place, `matchExpressions[${index}].key`)),
    })),
  };
}

/** Pods of one namespace. */
export function inNamespace(
  namespace: string,
  { matchLabels, matchExpressions }: PodSelector,
): SelectorInput {
  return tidy({
    matchLabels: { [`k8s:${POD_NAMESPACE_KEY}`]: namespace, ...matchLabels },
    matchExpressions,
  });
}

/** Pods of all namespaces that are selected; whatever is no pod is in none. */
export function inNamespaces(namespaces: PodSelector, pods: PodSelector): SelectorInput {
  return tidy({
    matchLabels: { ...namespaces.matchLabels, ...pods.matchLabels },
    matchExpressions: [
      { key: `k8s:${POD_NAMESPACE_KEY}`, operator: "Exists" },
      ...namespaces.matchExpressions,
      ...pods.matchExpressions,
    ],
  });
}

function checkKey(key: string, of: "pod" | "namespace", filter: LabelFilter, place: Place): string {
  if (!KEY.test(key)) throw invalid(place, key, "is no label key", "write e.g. app.kubernetes.io/name");
  if (of === "pod" && isNamespaceKey(key)) {
    throw invalid(place, key, "is of the pod's namespace", "select namespaces by namespaceSelector");
  }
  const known = of === "pod" ? key : `${NAMESPACE_LABELS_PREFIX}${key}`;
  if (filter.keeps({ source: "k8s", key: known, value: "" })) return `k8s:${known}`;
  // It would select nothing, or everything.
  const remedy = "choose another label, or let the agents keep it by identityLabels, and say so here too";
  throw invalid(place, key, "is left out of identities: policies cannot see it", remedy);
}

function tidy({ matchLabels, matchExpressions }: PodSelector): SelectorInput {
  return {
    ...(Object.keys(matchLabels).length > 0 && { matchLabels }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  };
}
