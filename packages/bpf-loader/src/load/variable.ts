import type { Codec } from "../codec.ts";
import { closedError } from "../sys/fd.ts";
import type { Mapping } from "../sys/mapping.ts";

/** A variable as TypeScript sees it; `bpf2ts` generates these. */
export interface VariableDef<T> {
  readonly name: string;
  readonly codec: Codec<T>;
}

/**
 * A global variable of a loaded object, in memory shared with the programs: a few nanoseconds to read or write. There
 * is no lock, so a value wider than 8 bytes may be seen half written.
 */
export class Variable<T> {
  readonly name: string;
  readonly #section: Mapping;
  readonly #codec: Codec<T>;
  readonly #offset: number;

  /** @internal `section` holds all variables of one data section. */
  constructor(name: string, section: Mapping, codec: Codec<T>, offset: number) {
    this.name = name;
    this.#section = section;
    this.#codec = codec;
    this.#offset = offset;
  }

  /** @throws {@link BpfError} `ERR_CLOSED` after the collection was closed. */
  get(): T {
    if (this.#section.closed) throw closedError(`variable ${this.name}`);
    return this.#codec.decode(this.#section.view, this.#offset);
  }

  /** @throws {@link BpfError} `ERR_CLOSED`; RangeError for a value that does not fit. */
  set(value: T): void {
    if (this.#section.closed) throw closedError(`variable ${this.name}`);
    this.#codec.encode(value, this.#section.view, this.#offset);
  }
}
