import { NetloomError, type Random, type Runtime, type Store } from "@netloom/core";

interface Waiting {
  readonly go: () => void;
  cancelled: boolean;
}

export interface FaultRates {
  /** A call fails and nothing has happened. */
  readonly before?: number;
  /** A call happens and its answer is lost. */
  readonly after?: number;
}

/**
 * Lets concurrent callers of a store, and timers, take turns in an order that a seed decides. The same seed, the same
 * history.
 */
export class Turns {
  readonly #random: Random;
  #waiting: Waiting[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Timers fire at some turn: time is whatever the seed makes of it. */
  get runtime(): Runtime {
    const clock = {
      now: () => 0,
      monotonic: () => 0,
      after: (_milliseconds: number, callback: () => void) => {
        const waiting = this.#enqueue(callback);
        return { cancel: () => void (waiting.cancelled = true) };
      },
    };
    return { clock, random: this.#random };
  }

  /** Resolves when drawn. */
  turn(): Promise<void> {
    return new Promise((resolve) => void this.#enqueue(resolve));
  }

  /** A store whose calls each wait for a turn before they happen, and for another before they are answered. */
  wrap(store: Store, faults: FaultRates = {}): Store {
    return new Proxy(store, {
      get: (target, property) => {
        const method = Reflect.get(target, property, target) as unknown;
        if (typeof method !== "function") return method;
        if (!["get", "list", "create", "update", "delete"].includes(String(property)))
          return method.bind(target);
        const writes = property !== "get" && property !== "list";
        return async (...parameters: unknown[]) => {
          await this.turn();
          if (this.#random.next() < (faults.before ?? 0))
            throw new NetloomError("ERR_STORE_UNAVAILABLE", "no answer");
          try {
            return await (method as (...of: unknown[]) => Promise<unknown>).apply(target, parameters);
          } finally {
            await this.turn();
            if (writes && this.#random.next() < (faults.after ?? 0)) {
              // oxlint-disable-next-line no-unsafe-finally -- the answer is lost, whatever it was
              throw new NetloomError("ERR_AMBIGUOUS", "the answer was lost");
            }
          }
        };
      },
    });
  }

  /** Draws until nobody waits any more, or `most` turns were taken. `between` runs after each turn. */
  async play(between: () => void = () => {}, most = 100_000): Promise<number> {
    let turns = 0;
    while (turns < most) {
      for (let idle = 0; idle < 20 && this.#waiting.length < 2; idle++) await Promise.resolve();
      this.#waiting = this.#waiting.filter(({ cancelled }) => !cancelled);
      if (this.#waiting.length === 0) {
        // Whatever was still under way without a turn has come to rest after this.
        await new Promise(setImmediate);
        if (this.#waiting.length === 0) return turns;
        continue;
      }
      const drawn = Math.floor(this.#random.next() * this.#waiting.length);
      this.#waiting.splice(drawn, 1)[0]!.go();
      for (let idle = 0; idle < 8; idle++) await Promise.resolve();
      turns++;
      between();
    }
    return turns;
  }

  #enqueue(go: () => void): Waiting {
    const waiting = { go, cancelled: false };
    this.#waiting.push(waiting);
    return waiting;
  }
}
