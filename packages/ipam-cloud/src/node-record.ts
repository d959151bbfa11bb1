import type { Json, Revision, Store } from "@netloom/core";
import { isRace } from "@netloom/core/backend";

/** Below the backend's own prefix; then the node's name. */
export const NODES = "nodes/";

/**
 * The ranges that a node has taken up, in their order: it must be the same after a restart. Written before a range is used
 * and before one is given back.
 */
export class NodeRecord {
  readonly #store: Store;
  readonly #key: string;
  readonly #instance: string;

  constructor(store: Store, prefix: string, node: string, instance: string) {
    this.#store = store;
    this.#key = `${prefix}${NODES}${node}`;
    this.#instance = instance;
  }

  /** `undefined` where this instance has written nothing yet, whatever another of its name has. */
  async load(): Promise<readonly string[] | undefined> {
    const { ranges, own } = await this.#read();
    return own ? ranges : undefined;
  }

  async save(ranges: readonly string[]): Promise<void> {
    const value: Json = { instance: this.#instance, ranges };
    for (;;) {
      const known = await this.#read();
      if (known.revision !== undefined && known.ranges.join() === ranges.join() && known.own) return;
      try {
        if (known.revision === undefined) await this.#store.create(this.#key, value);
        else await this.#store.update(this.#key, value, { revision: known.revision });
        return;
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  async #read(): Promise<{
    readonly ranges: readonly string[];
    readonly own: boolean;
    readonly revision: Revision | undefined;
  }> {
    const entry = await this.#store.get(this.#key);
    const value = entry?.value as { readonly instance?: unknown; readonly ranges?: unknown } | undefined;
    const own = value?.instance === this.#instance && Array.isArray(value.ranges);
    return { ranges: own ? (value.ranges as string[]) : [], own, revision: entry?.revision };
  }
}
