import { corrupt } from "../elf/reader.ts";
import type { Reader } from "../elf/reader.ts";
import type { BtfType } from "./types.ts";

/** Chains of typedefs and nesting of structs end well before this; a longer one is a cycle. */
const MAX_DEPTH = 64;
/** Larger than any map value the kernel accepts (`KMALLOC_MAX_SIZE` and then some). */
const MAX_TYPE_SIZE = 2 ** 32;

/** The types of an object, by id. Immutable. */
export class Btf {
  /** Name of the object they belong to, for messages. */
  readonly object: string;
  /** As they stand in the file, header included. */
  readonly bytes: Uint8Array;
  /** Where the type records begin in {@link Btf.bytes}. */
  readonly typesOffset: number;
  /** Index is the id; entry 0 is `void`. */
  readonly types: readonly BtfType[];
  readonly #strings: Reader;

  constructor(
    object: string,
    bytes: Uint8Array,
    typesOffset: number,
    types: readonly BtfType[],
    strings: Reader,
  ) {
    this.object = object;
    this.bytes = bytes;
    this.typesOffset = typesOffset;
    this.types = types;
    this.#strings = strings;
  }

  /** @throws {@link BpfError} `ERR_OBJECT_CORRUPT` if there is no such type. */
  type(id: number): BtfType {
    const type = this.types[id];
    if (type === undefined) throw corrupt(this.object, `its BTF has no type ${id}`);
    return type;
  }

  /** The text at an offset of the string section, as `.BTF.ext` refers to it. */
  text(offset: number): string {
    return this.#strings.text(offset);
  }

  /** The type behind typedefs, `const`, `volatile`, `restrict` and type tags. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (type.kind === "var") type = this.type(type.type);
      else if (type.kind === "ptr" || !("type" in type) || type.kind === "array") return type;
      else if (type.kind === "func" || type.kind === "decl_tag") return type;
      else type = this.type(type.type);
    }
    throw corrupt(this.object, "its BTF has a cycle of typedefs");
  }

  /** Size in bytes, as `sizeof`. */
  sizeOf(id: number): number {
    return this.#sizeOf(id, 0);
  }

  #sizeOf(id: number, depth: number): number {
    if (depth > MAX_DEPTH) throw corrupt(this.object, "its BTF has types nested without end");
    const type = this.resolve(id);
    let size: number;
    if (type.kind === "array") size = type.length * this.#sizeOf(type.type, depth + 1);
    else if (type.kind === "ptr") size = 8;
    else if ("size" in type) size = type.size;
    else throw corrupt(this.object, `its BTF asks for the size of a ${type.kind}`);
    if (size > MAX_TYPE_SIZE) throw corrupt(this.object, `its BTF has a type of ${size} bytes`);
    return size;
  }

  /** The first type of that kind and name. */
  find<K extends BtfType["kind"]>(kind: K, name: string): Extract<BtfType, { kind: K }> | undefined {
    return this.types.find(
      (type): type is Extract<BtfType, { kind: K }> =>
        type.kind === kind && "name" in type && type.name === name,
    );
  }
}
