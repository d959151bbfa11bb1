import type { LocalRoute } from "../api/local-route.ts";
import type { RouteReader } from "../rib/local-routes.ts";
import type { Rib } from "../rib/rib.ts";
import type { World } from "./deps.ts";

/** Milliseconds of reading routes before others get their turn. */
const SLICE = 5;

/** What a set is being made into. */
interface Race {
  running: number;
  /** Number of the latest call that the set has become. */
  arrived: number;
}

/**
 * Reads large sets of our own routes in pieces. Of several calls for one set the last counts, once it has been read: one
 * that fails takes nothing from those before it.
 */
export class Loader {
  readonly #rib: Rib;
  readonly #world: Pick<World, "clock" | "defer">;
  readonly #races = new Map<string, Race>();
  #calls = 0;

  constructor(rib: Rib, world: Pick<World, "clock" | "defer">) {
    this.#rib = rib;
    this.#world = world;
  }

  /**
   * Resolves when the set is this, or another call has taken its place.
   *
   * @param check - throws where it is not to go on
   */
  async load(set: string, routes: Iterable<LocalRoute>, check: () => void): Promise<void> {
    const call = ++this.#calls;
    const race = this.#races.get(set) ?? { running: 0, arrived: 0 };
    this.#races.set(set, race);
    race.running++;
    const reader = this.#rib.reader(set);
    try {
      await this.#read(reader, routes, () => {
        check();
        return race.arrived < call;
      });
      if (race.arrived > call) return reader.release();
      race.arrived = call;
    } catch (error) {
      reader.release();
      throw error;
    } finally {
      if (--race.running === 0) this.#races.delete(set);
    }
    return new Promise((resolve) => this.#rib.replaceSet(set, reader, resolve));
  }

  /** The set has become something else at once. */
  overtake(set: string): void {
    const race = this.#races.get(set);
    if (race !== undefined) race.arrived = ++this.#calls;
  }

  /** @param goOn - asked before each route: is it still wanted? */
  async #read(reader: RouteReader, routes: Iterable<LocalRoute>, goOn: () => boolean): Promise<void> {
    const { clock, defer } = this.#world;
    let began = clock.monotonic();
    for (const route of routes) {
      if (!goOn()) return;
      reader.add(route);
      if (clock.monotonic() - began < SLICE) continue;
      await new Promise<void>((resolve) => defer(resolve));
      began = clock.monotonic();
    }
  }
}
