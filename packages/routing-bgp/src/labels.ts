import { LabelTable, matches, type LabelSet, type Selector } from "@netloom/core";

/** Kubernetes' labels, and whatever is written as they are. */
const SOURCE = "k8s";

type Labels = Readonly<Record<string, string>>;

/** Does the selector select something with these labels? */
export function selects(selector: Selector, labels: Labels): boolean {
  return matches(selector, setOf(labels));
}

/** Facts are values: what was made of one holds as long as it lives. Ten thousand services are asked at each change. */
const known = new WeakMap<object, LabelSet>();

/** As {@link selects}, for a fact that is asked again: it must never change. */
export function selectsFact<Fact extends object>(
  selector: Selector,
  fact: Fact,
  labelsOf: (fact: Fact) => Labels,
): boolean {
  let set = known.get(fact);
  if (set === undefined) {
    set = setOf(labelsOf(fact));
    known.set(fact, set);
  }
  return matches(selector, set);
}

/** In a table of its own, which goes with the set. */
function setOf(labels: Labels): LabelSet {
  return new LabelTable().internRecord(SOURCE, labels);
}
