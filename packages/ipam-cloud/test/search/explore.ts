import { seededRandom } from "@netloom/core/memory";
import { mishapsOf, type Planned, type Step } from "./schedule.ts";
import type { Shape } from "./shapes.ts";
import { tell, type Wrap } from "./story.ts";

/** A schedule that ends badly. */
export interface Finding {
  readonly schedule: string;
  readonly violations: readonly string[];
}

export interface Explored {
  readonly steps: number;
  readonly single: number;
  readonly double: number;
  readonly findings: readonly Finding[];
}

export interface ExploreOptions {
  /** Schedules of two mishaps, drawn from all there are. */
  readonly pairs: number;
  readonly seed?: number;
  /** Stops at the first finding. */
  readonly first?: boolean;
  readonly wrap?: Wrap;
}

/** The story with every mishap at every step; and with a second one at a step that comes after the first. */
export async function explore(shape: Shape, options: ExploreOptions): Promise<Explored> {
  const { refusals } = shape;
  const { pairs, seed = 1, first = false, wrap } = options;
  const findings: Finding[] = [];
  const random = seededRandom(seed);
  // Thousands of errors are made, and none is looked at.
  Error.stackTraceLimit = 0;
  const run = async (planned: readonly Planned[]): Promise<readonly Step[]> => {
    const { steps, violations, schedule } = await tell(shape, planned, wrap);
    if (violations.length > 0) findings.push({ schedule, violations });
    return steps;
  };
  const isOver = (): boolean => first && findings.length > 0;
  const steps = await run([]);
  const singles: { readonly planned: Planned; readonly steps: readonly Step[] }[] = [];
  const all = steps.flatMap((step, at) =>
    mishapsOf(step, refusals).map((mishap): Planned => ({ at, mishap })),
  );
  // Whoever looks for one only finds it sooner where it does not begin at the beginning.
  const ordered = first ? all.toSorted((a, b) => hash(a) - hash(b)) : all;
  for (const planned of ordered) {
    if (isOver()) break;
    singles.push({ planned, steps: await run([planned]) });
  }
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  let double = 0;
  while (double < pairs && !isOver()) {
    const { planned, steps: then } = pick(singles);
    // Soon after the first one more often than not: it is recovery that is tried.
    const at = planned.at + 1 + Math.floor(random.next() ** 2 * (then.length - planned.at - 1));
    const step = then[at];
    if (step === undefined) continue;
    await run([planned, { at, mishap: pick(mishapsOf(step, refusals)) }]);
    double++;
  }
  return { steps: steps.length, single: singles.length, double, findings };
}

function hash({ at, mishap }: Planned): number {
  return Math.imul(at * 31 + mishap.length, 0x9e3779b1) >>> 0;
}
