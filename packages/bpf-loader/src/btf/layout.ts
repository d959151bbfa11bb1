import { corrupt } from "../elf/reader.ts";
import type { Btf } from "./btf.ts";
import type { BtfType } from "./types.ts";

/**
 * How the bytes of a map's keys and values are laid out, as text that two objects or two releases can compare:
 * the size, then each field as `path@offset:type`, padding left out, separated by `;`.
 * Types are `u8`…`s64`, `be16`…`be64` for `__be16`…`__be64`, `bool`, `f64`, `ptr`, and `[n]` before an element type.
 */
export type LayoutText = string;

const MAX_FIELDS = 4096;
const MAX_DEPTH = 32;

/** The field names that the C style of this house and of the kernel gives to explicit padding. */
export function isPadding(name: string): boolean {
  return /^_*(pad|padding|reserved_pad)(_?\d+)?$/i.test(name);
}

/** `be32` for a type that goes through the typedef `__be32`, and so on; undefined for host byte order. */
export function byteOrderTypedef(btf: Btf, id: number): "be16" | "be32" | "be64" | undefined {
  let type = btf.type(id);
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (type.kind === "typedef") {
      const match = /^__(be16|be32|be64)$/.exec(type.name)?.[1];
      if (match !== undefined) return match as "be16" | "be32" | "be64";
    } else if (type.kind !== "const" && type.kind !== "volatile" && type.kind !== "type_tag") {
      return undefined;
    }
    type = btf.type(type.type);
  }
  return undefined;
}

/** @throws {@link BpfError} `ERR_OBJECT_CORRUPT`. */
export function layoutOf(btf: Btf, id: number): LayoutText {
  const fields: string[] = [];
  const add = (path: string, offset: number, text: string): void => {
    if (fields.length >= MAX_FIELDS) throw corrupt(btf.object, "its BTF has a type of too many fields");
    fields.push(`${path}@${offset}:${text}`);
  };
  walk(btf, id, "", 0, add, 0);
  return [btf.sizeOf(id), ...fields].join(";");
}

type AddField = (path: string, offset: number, text: string) => void;

function walk(btf: Btf, id: number, path: string, offset: number, add: AddField, depth: number): void {
  if (depth > MAX_DEPTH) throw corrupt(btf.object, "its BTF has types nested without end");
  const type = btf.resolve(id);
  if (type.kind === "struct" || type.kind === "union") {
    for (const member of type.members) {
      if (isPadding(member.name)) continue;
      const inner = member.name === "" ? path : path === "" ? member.name : `${path}.${member.name}`;
      const at = offset + Math.floor(member.bitOffset / 8);
      if (member.bitSize > 0)
        add(inner, at, `${scalar(btf, member.type)}:${member.bitSize}@${member.bitOffset % 8}`);
      else walk(btf, member.type, inner, at, add, depth + 1);
    }
    return;
  }
  if (type.kind === "array") {
    const element = btf.resolve(type.type);
    if (element.kind === "struct" || element.kind === "union" || element.kind === "array") {
      add(path, offset, `[${type.length}]${btf.sizeOf(type.type)}`);
      walk(btf, type.type, `${path}[]`, 0, add, depth + 1);
    } else {
      add(path, offset, `[${type.length}]${scalar(btf, type.type)}`);
    }
    return;
  }
  add(path, offset, scalar(btf, id));
}

function scalar(btf: Btf, id: number): string {
  const order = byteOrderTypedef(btf, id);
  if (order !== undefined) return order;
  const type: BtfType = btf.resolve(id);
  switch (type.kind) {
    case "int":
      return type.bool ? "bool" : `${type.signed && !type.char ? "s" : "u"}${type.size * 8}`;
    case "enum":
      return `${type.signed ? "s" : "u"}${type.size * 8}`;
    case "float":
      return `f${type.size * 8}`;
    default:
      return type.kind;
  }
}

export interface LayoutDifference {
  /** Path of the first field that differs; empty for the type as a whole. */
  readonly field: string;
  readonly want: string;
  readonly have: string;
}

/** The first difference between two layouts, or undefined if they are the same. */
export function compareLayouts(want: LayoutText, have: LayoutText): LayoutDifference | undefined {
  if (want === have) return undefined;
  const [wantSize, ...wantFields] = want.split(";");
  const [haveSize, ...haveFields] = have.split(";");
  for (let index = 0; index < Math.max(wantFields.length, haveFields.length); index++) {
    const a = wantFields[index];
    const b = haveFields[index];
    if (a !== b) {
      const field = (a ?? b ?? "").replace(/@.*$/, "");
      return { field, want: describe(a), have: describe(b) };
    }
  }
  return { field: "", want: `${wantSize} bytes`, have: `${haveSize} bytes` };
}

function describe(field: string | undefined): string {
  if (field === undefined) return "nothing";
  const match = /^(.*)@(\d+):(.*)$/.exec(field);
  return match === null ? field : `${match[3]} ${match[1]} at byte ${match[2]}`.replace("  ", " ");
}

/** 64-bit FNV-1a of the text, as 16 hexadecimal digits: short to compare and to log, not cryptographic. */
export function layoutHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
