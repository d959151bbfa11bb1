import { be16, be32, be64, bool, bytes, s16, s32, s64, s8, u16, u32, u64, u8 } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { corrupt } from "../elf/reader.ts";
import type { Btf } from "./btf.ts";
import { byteOrderTypedef, isPadding } from "./layout.ts";
import type { BtfArray, BtfComposite } from "./types.ts";

const MAX_DEPTH = 32;

/** By the names that {@link layoutOf} uses. */
const SCALARS: Readonly<Record<string, Codec<number> | Codec<bigint>>> = {
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  be16,
  be32,
  be64,
};

/**
 * A codec that follows the BTF at run time, for variables and for a look at any map. `bpf2ts` generates faster ones.
 * Integers are numbers, of 64 bits bigints; enums are their numbers; byte arrays are `Uint8Array`, other arrays
 * arrays, structs objects without padding fields; a union, a bitfield struct or a pointer is its bytes.
 *
 * @throws {@link BpfError} `ERR_OBJECT_CORRUPT`.
 */
export function btfCodec(btf: Btf, id: number): Codec<unknown> {
  return new Builder(btf).codec(id, 0);
}

class Builder {
  readonly #btf: Btf;
  // A type used twice is built once; otherwise a hostile file could make this exponential.
  readonly #built = new Map<number, Codec<unknown>>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  codec(id: number, depth: number): Codec<unknown> {
    let codec = this.#built.get(id);
    if (codec === undefined) this.#built.set(id, (codec = codecOf(this, this.#btf, id, depth)));
    return codec;
  }
}

function codecOf(builder: Builder, btf: Btf, id: number, depth: number): Codec<unknown> {
  if (depth > MAX_DEPTH) throw corrupt(btf.object, "its BTF has types nested without end");
  const order = byteOrderTypedef(btf, id);
  const swapped = order === undefined ? undefined : SCALARS[order];
  if (swapped !== undefined) return swapped;
  const type = btf.resolve(id);
  switch (type.kind) {
    case "int":
    case "enum": {
      if (type.kind === "int" && type.bool) return bool;
      const name = `${type.signed && !(type.kind === "int" && type.char) ? "s" : "u"}${type.size * 8}`;
      return SCALARS[name] ?? bytes(type.size);
    }
    case "array":
      return arrayCodec(builder, btf, type, depth);
    case "struct":
      if (type.members.some((member) => member.bitSize > 0)) break;
      return structCodec(builder, btf, type, depth);
    default:
      break;
  }
  return bytes(btf.sizeOf(id));
}

function arrayCodec(builder: Builder, btf: Btf, type: BtfArray, depth: number): Codec<unknown> {
  const size = btf.sizeOf(type.id);
  const element = btf.resolve(type.type);
  if (element.kind === "int" && element.size === 1 && !element.bool) return bytes(size);
  const codec = builder.codec(type.type, depth + 1);
  // An array of nothing may claim any length.
  if (codec.size === 0) return bytes(size);
  return {
    size,
    encode(value, view, offset): void {
      if (!Array.isArray(value) || value.length !== type.length) {
        throw new RangeError(`expected an array of ${type.length} elements`);
      }
      for (let index = 0; index < type.length; index++) {
        codec.encode(value[index] as unknown, view, offset + index * codec.size);
      }
    },
    decode: (view, offset) =>
      Array.from({ length: type.length }, (_, index) => codec.decode(view, offset + index * codec.size)),
  };
}

function structCodec(builder: Builder, btf: Btf, type: BtfComposite, depth: number): Codec<unknown> {
  const fields = type.members
    .filter((member) => !isPadding(member.name))
    .map((member, index) => ({
      name: member.name === "" ? `anonymous${index}` : member.name,
      offset: member.bitOffset / 8,
      codec: builder.codec(member.type, depth + 1),
    }));
  if (fields.some((field) => field.offset % 1 !== 0 || field.offset + field.codec.size > type.size)) {
    throw corrupt(btf.object, `its BTF places a field outside struct ${type.name}`);
  }
  return {
    size: type.size,
    encode(value, view, offset): void {
      if (typeof value !== "object" || value === null)
        throw new TypeError(`expected an object for ${type.name}`);
      new Uint8Array(view.buffer, view.byteOffset + offset, type.size).fill(0);
      for (const field of fields) {
        field.codec.encode((value as Record<string, unknown>)[field.name], view, offset + field.offset);
      }
    },
    decode: (view, offset) =>
      Object.fromEntries(
        fields.map(({ name, codec, offset: at }) => [name, codec.decode(view, offset + at)]),
      ),
  };
}
