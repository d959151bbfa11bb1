import type { RouteReader } from "../rib/local-routes.ts";
import type { Rib } from "../rib/rib.ts";
import type { LocalRoute } from "../api/local-route.ts";
import type { World } from "./deps.ts";

/** Milliseconds of reading routes before others get their turn. */
const SLICE = 5;

/** Reads large sets of our own routes in pieces. Of several calls for one set the last counts. */
export class Loader {
  readonly #rib: Rib;
  readonly #world: Pick<World, "clock" | "defer">;
  /** By set: the call that counts. */
  readonly #current = new Map<string, RouteReader>();

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
    const reader = this.#rib.reader(set);
    this.#current.set(set, reader);
    try {
      await this.#read(set, reader, routes, check);
    } catch (error) {
      reader.release();
      throw error;
    }
    if (this.#current.get(set) !== reader) return reader.release();
    this.#current.delete(set);
    return new Promise((resolve) => this.#rib.replaceSet(set, reader, resolve));
  }

  /** The set has become something else meanwhile. */
  forget(set: string): void {
    this.#current.delete(set);
  }

  async #read(
    set: string,
    reader: RouteReader,
    routes: Iterable<LocalRoute>,
    check: () => void,
  ): Promise<void> {
    const { clock, defer } = this.#world;
    let began = clock.monotonic();
    for (const route of routes) {
      check();
      reader.add(route);
      if (clock.monotonic() - began < SLICE) continue;
      await new Promise<void>((resolve) => defer(resolve));
      if (this.#current.get(set) !== reader) return;
      began = clock.monotonic();
    }
  }
}
