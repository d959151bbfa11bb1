import { createCluster, type SimulationReport } from "./cluster.ts";
import { FAULTY, type FaultRates } from "./kernel/rates.ts";
import type { SimulatedClusterOptions } from "./options.ts";
import type { PlannedEvent } from "./plan/events.ts";

/** A history that breaks a law, with as little in it as could be found. */
export interface Shrunk {
  /** Runs to {@link Shrunk.report}. */
  readonly options: SimulatedClusterOptions;
  readonly report: SimulationReport;
  /** How many histories were tried. */
  readonly attempts: number;
}

const RATES = [
  "before",
  "after",
  "tail",
  "lag",
  "disconnect",
  "drift",
] as const satisfies (keyof FaultRates)[];

/**
 * Looks for less that breaks the same law: drops what is planned, half of it, a quarter, one by one, and kinds of faults.
 * Each process draws from a chance of its own, so what is left out changes little of what the others meet.
 *
 * @param attempts - histories to try at most. @defaultValue 150
 */
export async function shrink(
  options: SimulatedClusterOptions,
  report: SimulationReport,
  attempts = 150,
): Promise<Shrunk> {
  const law = report.violation?.invariant;
  if (law === undefined) return { options, report, attempts: 0 };
  const search = new Search(options, report, law, attempts);
  await search.run();
  return search.result;
}

class Search {
  readonly #law: string;
  readonly #most: number;
  #options: SimulatedClusterOptions;
  #report: SimulationReport;
  #attempts = 0;

  constructor(options: SimulatedClusterOptions, report: SimulationReport, law: string, most: number) {
    this.#options = { ...options, plan: report.plan };
    this.#report = report;
    this.#law = law;
    this.#most = most;
  }

  get result(): Shrunk {
    return { options: this.#options, report: this.#report, attempts: this.#attempts };
  }

  async run(): Promise<void> {
    const { violation } = this.#report;
    await this.#tryPlan(this.#plan.filter(({ step }) => step <= violation!.step));
    await this.#dropEvents();
    if (this.#options.faults !== false) await this.#dropRates();
    await this.#dropEvents();
  }

  get #plan(): readonly PlannedEvent[] {
    return this.#options.plan ?? [];
  }

  async #dropEvents(): Promise<void> {
    for (
      let size = Math.ceil(this.#plan.length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let start = 0; start < this.#plan.length && this.#attempts < this.#most;) {
        const rest = [...this.#plan.slice(0, start), ...this.#plan.slice(start + size)];
        if (!(await this.#tryPlan(rest))) start += size;
      }
    }
  }

  async #dropRates(): Promise<void> {
    for (const rate of RATES) {
      const faults = this.#options.faults === false ? {} : this.#options.faults;
      if ({ ...FAULTY, ...faults }[rate] === 0) continue;
      await this.#try({ ...this.#options, faults: { ...faults, [rate]: 0 } });
    }
  }

  #tryPlan(plan: readonly PlannedEvent[]): Promise<boolean> {
    return this.#try({ ...this.#options, plan });
  }

  /** Whether it breaks the same law: then it is kept. */
  async #try(options: SimulatedClusterOptions): Promise<boolean> {
    if (this.#attempts >= this.#most) return false;
    this.#attempts++;
    const report = await createCluster(options).run();
    if (report.violation?.invariant !== this.#law) return false;
    this.#options = options;
    this.#report = report;
    return true;
  }
}
