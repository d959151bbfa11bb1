import { encodeAttributes, type EncodedAttributes } from "../wire/attributes/encode.ts";
import type { WireContext } from "../wire/context.ts";
import type { Family } from "../wire/family.ts";
import { roomFor } from "../wire/pack.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { grown } from "./growable.ts";

/** Attributes as one session writes them. Remembers the last: a table is sent by attributes. */
export class Encoder {
  readonly #store: AttributeStore;
  readonly #family: Family;
  readonly #context: WireContext;
  #stamp = -1;
  #value: EncodedAttributes | undefined;
  /** There is no value. */
  #why = "";
  /** By id, with the stamps that they are good for. */
  #rooms = new Int32Array(16);
  #roomStamps = new Uint32Array(16);

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

  /** Bytes that a message has for prefixes beside such attributes; 0 or less: the session cannot carry them. */
  room(id: number): number {
    const stamp = this.#store.stampOf(id);
    if (this.#roomStamps[id] !== stamp) {
      this.#roomStamps = grown(this.#roomStamps, id);
      this.#rooms = grown(this.#rooms, id);
      const encoded = this.encode(id);
      this.#rooms[id] = encoded === undefined ? 0 : roomFor(this.#context, encoded);
      this.#roomStamps[id] = stamp;
    }
    return this.#rooms[id]!;
  }

  /** Why a prefix of so many bytes cannot be sent with such attributes; `undefined`: it can. */
  refusalOf(id: number, bytes: number): string | undefined {
    if (this.encode(id) === undefined) return `the session cannot carry it: ${this.#why}`;
    if (this.room(id) >= bytes) return undefined;
    return `its attributes leave no room for it in a message of ${this.#context.maxMessage} bytes`;
  }

  #encodeIfPossible(id: number): EncodedAttributes | undefined {
    try {
      return encodeAttributes(this.#store.get(id), this.#context, this.#family);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#why = error.message;
      return undefined;
    }
  }
}
