import { median, pairedRatio } from "../lib/rounds.ts";
import { ms, printTable, ratio } from "../lib/table.ts";
import type { Cost } from "../lib/time.ts";

export function printCosts(title: string, rows: readonly (readonly string[])[]): void {
  const head = ["", "ours: CPU", "wall", "ip(8): CPU", "wall", "ours / ip: CPU", "wall", "goal, wall"];
  printTable(title, head, rows);
}

export function costRow(
  what: string,
  ours: readonly Cost[],
  theirs: readonly Cost[],
  goal: string,
): string[] {
  const of = (costs: readonly Cost[], kind: keyof Cost): number[] => costs.map((cost) => cost[kind]);
  const show = (costs: readonly Cost[], kind: keyof Cost): string => ms(median(of(costs, kind)) / 1e6);
  const compare = (kind: keyof Cost): string => ratio(pairedRatio(of(ours, kind), of(theirs, kind)));
  return [
    ...[what, show(ours, "cpu"), show(ours, "wall"), show(theirs, "cpu"), show(theirs, "wall")],
    ...[compare("cpu"), compare("wall"), goal],
  ];
}
