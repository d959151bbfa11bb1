import { encodeAttributes, type EncodedAttributes } from "../wire/attributes/encode.ts";
import type { WireContext } from "../wire/context.ts";
import type { Family } from "../wire/family.ts";
import type { AttributeStore } from "./attribute-store.ts";

/** Attributes as one session writes them. Remembers the last: a table is sent by attributes. */
export class Encoder {
  readonly #store: AttributeStore;
  readonly #family: Family;
  readonly #context: WireContext;
  #stamp = -1;
  #value: EncodedAttributes | undefined;

  constructor(store: AttributeStore, family: Family, context: WireContext) {
    this.#store = store;
    this.#family = family;
    this.#context = context;
  }

  /** `undefined`: the session cannot carry them, e.g. a next hop of the other family (RFC 8950 was not agreed on). */
  encode(id: number): EncodedAttributes | undefined {
    const stamp = this.#store.stampOf(id);
    if (this.#stamp === stamp) return this.#value;
    this.#value = this.#encodeIfPossible(id);
    this.#stamp = stamp;
    return this.#value;
  }

  #encodeIfPossible(id: number): EncodedAttributes | undefined {
    try {
      return encodeAttributes(this.#store.get(id), this.#context, this.#family);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
}
