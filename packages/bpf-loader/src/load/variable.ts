import type { Codec } from "../codec.ts";
import { MappedArray } from "../maps/mapped.ts";
import type { Fd } from "../sys/fd.ts";

/** A codec for something in the middle of a larger value. */
function within<T>(codec: Codec<T>, offset: number, size: number): Codec<T> {
  return {
    size,
    encode: (value, view, at) => codec.encode(value, view, at + offset),
    decode: (view, at) => codec.decode(view, at + offset),
  };
}

/** A variable as TypeScript sees it; `bpf2ts` generates these. */
export interface VariableDef<T> {
  readonly name: string;
  readonly codec: Codec<T>;
}

/** A global variable of a loaded object, shared with the programs: a few nanoseconds to read or write. */
export class Variable<T> {
  readonly name: string;
  readonly #array: MappedArray<T>;

  /** @internal */
  constructor(name: string, handle: Fd, codec: Codec<T>, offset: number, sectionSize: number) {
    this.name = name;
    this.#array = new MappedArray(handle, within(codec, offset, sectionSize), 1);
  }

  /** @throws {@link BpfError} `ERR_CLOSED` after the collection was closed. */
  get(): T {
    return this.#array.get(0);
  }

  set(value: T): void {
    this.#array.set(0, value);
  }

  /** @internal */
  close(): void {
    this.#array.close();
  }
}
