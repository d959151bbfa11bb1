import type { Random, Store } from "@netloom/core";

/**
 * Lets concurrent callers of a store take turns in an order that a seed decides: each call waits until it is drawn. The
 * same seed, the same history.
 */
export class Turns {
  readonly #random: Random;
  readonly #waiting: (() => void)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** A store whose calls each wait for a turn before they happen, and for another before they are answered. */
  wrap(store: Store): Store {
    const turn = (): Promise<void> => new Promise((resolve) => this.#waiting.push(resolve));
    return new Proxy(store, {
      get: (target, property) => {
        const method = Reflect.get(target, property, target) as unknown;
        if (typeof method !== "function") return method;
        if (!["get", "list", "create", "update", "delete"].includes(String(property)))
          return method.bind(target);
        return async (...parameters: unknown[]) => {
          await turn();
          try {
            return await (method as (...of: unknown[]) => Promise<unknown>).apply(target, parameters);
          } finally {
            await turn();
          }
        };
      },
    });
  }

  /** Draws until nobody waits any more. `between` runs after each turn. */
  async play(between: () => void = () => {}): Promise<number> {
    let turns = 0;
    for (;;) {
      for (let idle = 0; idle < 20 && this.#waiting.length < 2; idle++) await Promise.resolve();
      if (this.#waiting.length === 0) return turns;
      const drawn = Math.floor(this.#random.next() * this.#waiting.length);
      this.#waiting.splice(drawn, 1)[0]!();
      for (let idle = 0; idle < 8; idle++) await Promise.resolve();
      turns++;
      between();
    }
  }
}
