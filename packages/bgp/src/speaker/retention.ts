import type { Clock, Timer } from "../clock.ts";
import type { Family } from "../wire/family.ts";
import type { Negotiated } from "../wire/negotiate.ts";

/** The routes of one peer, as far as keeping them is concerned. */
export interface RetainedRoutes {
  markStale(family: Family): void;
  markLongLivedStale(family: Family): void;
  sweepStale(family: Family): void;
  drop(family: Family): void;
}

/** What the peer said in its last OPEN (RFC 4724 section 3, RFC 9494 section 3). Seconds. */
export interface PeerRestart {
  readonly restartTime: number;
  /** What it keeps forwarding while it is gone. */
  readonly forwarding: readonly Family[];
  /** Which of its families are to be kept when it goes. */
  readonly families: readonly Family[];
  readonly longLived: ReadonlyMap<Family, number>;
}

/** How long a peer that came back may take to tell everything again: seconds. */
const STALE_LIMIT = 360;

/**
 * The routes of a peer that went and may come back: RFC 4724 section 4.2, and RFC 9494 for those that are kept longer. In
 * each family a route is fresh, or stale until the peer tells it again, says that it has told all, or is late.
 */
export class Retention {
  readonly #routes: RetainedRoutes;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  readonly #timers = new Map<Family, Timer>();

  /** @param onEnd - nothing is stale any more */
  constructor(routes: RetainedRoutes, clock: Clock, onEnd: () => void) {
    this.#routes = routes;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Something is stale. */
  get holding(): boolean {
    return this.#timers.size > 0;
  }

  /** The session is gone. `restart`: its routes may be kept, as far as the peer asked for it. */
  down(families: readonly Family[], restart: PeerRestart | undefined): void {
    for (const family of families) {
      const again = this.#timers.get(family);
      again?.cancel();
      this.#timers.delete(family);
      if (restart?.families.includes(family) !== true) {
        this.#routes.drop(family);
        continue;
      }
      // Gone a second time before it had told all: what was stale already is not worth more now.
      if (again !== undefined) this.#routes.sweepStale(family);
      this.#routes.markStale(family);
      this.#after(family, restart.restartTime, () => this.#restartOver(family, restart));
    }
    if (!this.holding) this.#onEnd();
  }

  /** It is back. What it did not keep forwarding, or does not carry any more, is worth nothing. */
  established(families: readonly Family[], restart: PeerRestart | undefined): void {
    for (const [family, timer] of [...this.#timers]) {
      timer.cancel();
      this.#timers.delete(family);
      if (families.includes(family) && restart?.forwarding.includes(family) === true)
        this.#after(family, STALE_LIMIT, () => this.#sweep(family));
      else this.#sweep(family);
    }
  }

  /** It has told all. */
  endOfRib(family: Family): void {
    if (!this.#timers.has(family)) return;
    this.#timers.get(family)?.cancel();
    this.#sweep(family);
  }

  /** Forgets what it waits for; routes stay as they are. */
  clear(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #restartOver(family: Family, restart: PeerRestart): void {
    const longer = restart.longLived.get(family) ?? 0;
    if (longer === 0) return this.#sweep(family);
    this.#routes.markLongLivedStale(family);
    this.#after(family, longer, () => this.#sweep(family));
  }

  #sweep(family: Family): void {
    this.#timers.delete(family);
    this.#routes.sweepStale(family);
    if (!this.holding) this.#onEnd();
  }

  #after(family: Family, seconds: number, callback: () => void): void {
    this.#timers.set(family, this.#clock.after(seconds * 1000, callback));
  }
}

/** What a peer said of its restarts; `undefined`: not both of us have that. */
export function restartOf({ gracefulRestart, longLived }: Negotiated): PeerRestart | undefined {
  if (gracefulRestart === undefined) return undefined;
  const { families, restartTime } = gracefulRestart;
  return {
    restartTime,
    families: families.map(({ family }) => family),
    forwarding: families.flatMap(({ family, forwarding }) => (forwarding ? [family] : [])),
    longLived: new Map(longLived.map(({ family, staleTime }) => [family, staleTime])),
  };
}
