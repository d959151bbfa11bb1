import type { AttributeStore } from "./attribute-store.ts";
import { grown } from "./growable.ts";

/** Nothing is known. */
export const UNKNOWN = -1;

/**
 * What becomes of each set of attributes (by id) somewhere: the id of another, or 0. It holds nothing: an answer is good as
 * long as both ids mean what they meant.
 */
export class ResultCache {
  readonly #store: AttributeStore;
  #stamps = new Uint32Array(16);
  #results = new Int32Array(16);
  #resultStamps = new Uint32Array(16);

  constructor(store: AttributeStore) {
    this.#store = store;
  }

  get(id: number): number {
    if (id >= this.#stamps.length || this.#stamps[id] !== this.#store.stampOf(id)) return UNKNOWN;
    const result = this.#results[id]!;
    return this.#resultStamps[id] === this.#store.stampOf(result) ? result : UNKNOWN;
  }

  set(id: number, result: number): void {
    this.#stamps = grown(this.#stamps, id);
    this.#results = grown(this.#results, id);
    this.#resultStamps = grown(this.#resultStamps, id);
    this.#stamps[id] = this.#store.stampOf(id);
    this.#results[id] = result;
    this.#resultStamps[id] = this.#store.stampOf(result);
  }
}
