import { Reader, corrupt } from "../elf/reader.ts";
import { Btf } from "./btf.ts";
import { KIND } from "./types.ts";
import type { BtfReference, BtfType } from "./types.ts";

const BTF_MAGIC = 0xeb9f;

export interface BtfSections {
  /** The records of the types. */
  readonly types: Reader;
  readonly typesOffset: number;
  readonly strings: Reader;
}

/** Reads the header shared by `.BTF` sections, `/sys/kernel/btf` files and what the kernel returns. */
export function btfSections(object: string, bytes: Uint8Array): BtfSections {
  const header = new Reader(object, bytes);
  if (header.length < 24 || header.u16(0) !== BTF_MAGIC) throw corrupt(object, "its BTF has no header");
  const length = header.u32(4);
  const typesOffset = length + header.u32(8);
  const types = header.slice(typesOffset, header.u32(12));
  const strings = header.slice(length + header.u32(16), header.u32(20));
  return { types: new Reader(object, types), typesOffset, strings: new Reader(object, strings) };
}

/** Bytes after the 12-byte record head, by kind and vlen; undefined for an unknown kind. */
export function extraBytes(kind: number, vlen: number): number | undefined {
  switch (kind) {
    case KIND.INT:
    case KIND.VAR:
    case KIND.DECL_TAG:
      return 4;
    case KIND.ARRAY:
      return 12;
    case KIND.STRUCT:
    case KIND.UNION:
    case KIND.DATASEC:
    case KIND.ENUM64:
      return 12 * vlen;
    case KIND.ENUM:
    case KIND.FUNC_PROTO:
      return 8 * vlen;
    case KIND.PTR:
    case KIND.FWD:
    case KIND.TYPEDEF:
    case KIND.VOLATILE:
    case KIND.CONST:
    case KIND.RESTRICT:
    case KIND.FUNC:
    case KIND.FLOAT:
    case KIND.TYPE_TAG:
      return 0;
    default:
      return undefined;
  }
}

/**
 * Parses BTF that stands alone: of an object file, or of a map as the kernel returns it.
 *
 * @throws {@link BpfError} `ERR_OBJECT_CORRUPT`.
 */
export function parseBtf(object: string, bytes: Uint8Array): Btf {
  const sections = btfSections(object, bytes);
  const reader = sections.types;
  const types: BtfType[] = [{ kind: "void", id: 0 }];
  let at = 0;
  while (at < reader.length) {
    const info = reader.u32(at + 4);
    const extra = extraBytes((info >>> 24) & 0x1f, info & 0xffff);
    if (extra === undefined)
      throw corrupt(object, `its BTF has a type of unknown kind ${(info >>> 24) & 0x1f}`);
    types.push(readType(sections, types.length, at));
    at += 12 + extra;
  }
  return new Btf(object, bytes, sections.typesOffset, types, sections.strings);
}

const REFERENCES: Readonly<Record<number, BtfReference["kind"]>> = {
  [KIND.PTR]: "ptr",
  [KIND.TYPEDEF]: "typedef",
  [KIND.VOLATILE]: "volatile",
  [KIND.CONST]: "const",
  [KIND.RESTRICT]: "restrict",
  [KIND.TYPE_TAG]: "type_tag",
};

function readType({ types: reader, strings }: BtfSections, id: number, at: number): BtfType {
  const info = reader.u32(at + 4);
  const kind = (info >>> 24) & 0x1f;
  const vlen = info & 0xffff;
  const flag = info >>> 31 === 1;
  const word = reader.u32(at + 8);
  const name = strings.text(reader.u32(at));
  const list = <T>(stride: number, read: (entry: number) => T): T[] =>
    Array.from({ length: vlen }, (_, index) => read(at + 12 + index * stride));
  const reference = REFERENCES[kind];
  if (reference !== undefined) return { kind: reference, id, at, name, type: word };
  switch (kind) {
    case KIND.INT: {
      const encoding = reader.u32(at + 12);
      const is = (bit: number): boolean => ((encoding >>> 24) & bit) !== 0;
      const bits = encoding & 0xff;
      return { kind: "int", id, at, name, size: word, bits, signed: is(1), char: is(2), bool: is(4) };
    }
    case KIND.ARRAY:
      return { kind: "array", id, at, type: reader.u32(at + 12), length: reader.u32(at + 20) };
    case KIND.STRUCT:
    case KIND.UNION: {
      const members = list(12, (entry) => {
        const offset = reader.u32(entry + 8);
        return {
          name: strings.text(reader.u32(entry)),
          type: reader.u32(entry + 4),
          bitOffset: flag ? offset & 0xffffff : offset,
          bitSize: flag ? offset >>> 24 : 0,
        };
      });
      return { kind: kind === KIND.STRUCT ? "struct" : "union", id, at, name, size: word, members };
    }
    case KIND.ENUM: {
      const values = list(8, (entry) => ({
        name: strings.text(reader.u32(entry)),
        value: flag ? reader.i32(entry + 4) : reader.u32(entry + 4),
      }));
      return { kind: "enum", id, at, name, size: word, signed: flag, values };
    }
    case KIND.ENUM64: {
      const values = list(12, (entry) => {
        const value = (BigInt(reader.u32(entry + 8)) << 32n) | BigInt(reader.u32(entry + 4));
        return { name: strings.text(reader.u32(entry)), value: flag ? BigInt.asIntN(64, value) : value };
      });
      return { kind: "enum", id, at, name, size: word, signed: flag, values };
    }
    case KIND.FWD:
      return { kind: "fwd", id, at, name };
    case KIND.FUNC:
      return { kind: "func", id, at, name, type: word, linkage: vlen };
    case KIND.FUNC_PROTO: {
      const parameters = list(8, (entry) => ({
        name: strings.text(reader.u32(entry)),
        type: reader.u32(entry + 4),
      }));
      return { kind: "func_proto", id, at, returns: word, parameters };
    }
    case KIND.VAR:
      return { kind: "var", id, at, name, type: word, linkage: reader.u32(at + 12) };
    case KIND.DATASEC: {
      const entries = list(12, (entry) => ({
        type: reader.u32(entry),
        offset: reader.u32(entry + 4),
        size: reader.u32(entry + 8),
      }));
      return { kind: "datasec", id, at, name, size: word, entries };
    }
    case KIND.FLOAT:
      return { kind: "float", id, at, name, size: word };
    default:
      return { kind: "decl_tag", id, at, name, type: word, component: reader.i32(at + 12) };
  }
}
