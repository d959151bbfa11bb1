/** What is counted: requests to the cloud, and writes to the store. */
export type StepKind = "request" | "write";

/**
 * Of a request: nothing is sent, the process dies with the answer on its way, only the answer is lost, or the cloud says that
 * it has done nothing.
 */
const REQUEST_MISHAPS = ["crash before", "crash after", "lost", "unavailable", "throttled"] as const;
/** Of a write. Where it is `doubtful` the store cannot tell whether it came through; it did, or it did not. */
const WRITE_MISHAPS = ["crash before", "crash after", "doubtful, done", "doubtful, not done"] as const;

export type Mishap = (typeof REQUEST_MISHAPS)[number] | "quota" | (typeof WRITE_MISHAPS)[number];

/** A mishap at a step, counted from 0. */
export interface Planned {
  readonly at: number;
  readonly mishap: Mishap;
}

export interface Step {
  readonly kind: StepKind;
  /** Process and action. */
  readonly name: string;
}

/** @param refusals - also those after which everybody knows what is the case */
export function mishapsOf({ kind, name }: Step, refusals: boolean): readonly Mishap[] {
  if (kind === "write") return WRITE_MISHAPS;
  if (!refusals) return REQUEST_MISHAPS.slice(0, 3);
  return /Create|Assign|update/.test(name) ? [...REQUEST_MISHAPS, "quota"] : REQUEST_MISHAPS;
}

/** Counts the steps of a run, and says what befalls each. */
export class Schedule {
  readonly steps: Step[] = [];
  readonly #planned: readonly Planned[];
  #happened = 0;

  constructor(planned: readonly Planned[]) {
    this.#planned = planned;
  }

  /** Mishaps so far. */
  get happened(): number {
    return this.#happened;
  }

  next(kind: StepKind, name: string): Mishap | undefined {
    const at = this.steps.length;
    this.steps.push({ kind, name });
    const mishap = this.#planned.find((one) => one.at === at)?.mishap;
    if (mishap !== undefined) this.#happened++;
    return mishap;
  }

  /** In words, for whoever must find out what went wrong. */
  toString(): string {
    if (this.#planned.length === 0) return "no mishap";
    return this.#planned
      .map(({ at, mishap }) => `${mishap} at step ${at} (${this.steps[at]?.name ?? "not reached"})`)
      .join(", then ");
  }
}
