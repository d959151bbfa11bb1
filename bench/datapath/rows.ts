import { median, pairedRatio, type Figures } from "../lib/rounds.ts";
import { NONE, ns, ratio } from "../lib/table.ts";
import type { Reference } from "./reference.ts";

export const HEAD = ["", "ours", "floor", "ours / floor", "Cilium's there", "goal there"] as const;

/** A path beside its floor of the same rounds, and beside what was measured elsewhere, there as a ratio too. */
export function rowOf(what: string, ours: Figures, floor?: Figures, reference?: Reference): string[] {
  const there = (figure: number): string =>
    reference?.floor === undefined ? "" : `${ratio(figure / reference.floor)} `;
  const [low, high] = reference?.cilium ?? [0, 0];
  const range = low === high ? ns(low) : `${low}–${ns(high)}`;
  return [
    what,
    `${ns(median(ours))} [${Math.min(...ours).toFixed(0)}–${Math.max(...ours).toFixed(0)}]`,
    floor === undefined ? NONE : ns(median(floor)),
    floor === undefined ? NONE : ratio(pairedRatio(ours, floor)),
    reference === undefined ? NONE : `${there((low + high) / 2)}(${range})`,
    reference?.goal === undefined ? NONE : `${there(reference.goal)}(${ns(reference.goal)})`,
  ];
}
