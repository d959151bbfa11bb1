import { readFileSync } from "node:fs";
import { median } from "../lib/rounds.ts";

/** One run of one test, as the harness writes it. */
export interface Result {
  readonly config: string;
  readonly path: string;
  readonly test: string;
  readonly round: number;
  readonly error?: string;
  readonly ns_per_pkt?: number;
  readonly cpu_us_per_op?: number;
}

export function readResults(file: string): readonly Result[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Result);
}

/** `1.52  (812 ns)`: the median of the rounds' own ratios to the base, and the median itself. */
export function ratioTo(
  results: readonly Result[],
  wanted: {
    readonly configuration: string;
    readonly base: string;
    readonly path: string;
    readonly test: string;
  },
): string {
  const figures = (config: string): ReadonlyMap<number, number> =>
    new Map(
      results
        .filter((each) => each.config === config && each.path === wanted.path && each.test === wanted.test)
        .flatMap((each) => {
          const nanoseconds = each.ns_per_pkt ?? (each.cpu_us_per_op ?? 0) * 1000;
          return each.error === undefined && nanoseconds > 0 ? [[each.round, nanoseconds] as const] : [];
        }),
    );
  const [ours, base] = [figures(wanted.configuration), figures(wanted.base)];
  const ratios = [...ours].flatMap(([round, figure]) => (base.has(round) ? [figure / base.get(round)!] : []));
  if (ratios.length === 0) return "-";
  return `${median(ratios).toFixed(2)}  (${shown(median([...ours.values()]))})`;
}

function shown(nanoseconds: number): string {
  return nanoseconds < 10_000 ? `${nanoseconds.toFixed(0)} ns` : `${(nanoseconds / 1000).toFixed(1)} us`;
}
