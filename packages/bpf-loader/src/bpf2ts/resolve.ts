import type { Btf } from "../btf/btf.ts";
import { byteOrderTypedef, isPadding } from "../btf/layout.ts";
import type { BtfArray, BtfComposite, BtfEnum, BtfType } from "../btf/types.ts";
import { camelCase, pascalCase } from "./names.ts";
import type { GenerateOptions } from "./options.ts";
import type { EnumShape, Field, Shape, StructShape } from "./shape.ts";

/** A C type that has no faithful TypeScript form. Says which, and what to do. */
export class Bpf2tsError extends Error {
  override readonly name = "Bpf2tsError";
}

/** Collects what a generated file has to define, over one or several objects. */
export class Resolver {
  /** By TypeScript name. */
  readonly structs: Map<string, StructShape> = new Map();
  readonly enums: Map<string, EnumShape> = new Map();
  readonly #options: GenerateOptions;

  constructor(options: GenerateOptions) {
    this.#options = options;
  }

  /** The shape of a type. `where` names it in errors, e.g. `value of map endpoints`. */
  shape(btf: Btf, id: number, where: string): Shape {
    const custom = this.#custom(btf, id);
    if (custom !== undefined) return custom;
    const order = byteOrderTypedef(btf, id);
    if (order === "be64") return { kind: "bigint", size: 8, signed: false, bigEndian: true };
    if (order !== undefined)
      return { kind: "number", size: order === "be16" ? 2 : 4, signed: false, bigEndian: true };
    const type = btf.resolve(id);
    switch (type.kind) {
      case "int":
        if (type.bool) return { kind: "bool", size: 1 };
        return integer(type.size, type.signed, where);
      case "enum":
        return this.#enumShape(type, where);
      case "array":
        return this.#arrayShape(btf, type, where);
      case "struct":
        return this.#structShape(btf, type, where);
      case "union":
        throw unsupported(
          where,
          `a union${type.name === "" ? "" : ` (${type.name})`}: nothing says which member it holds`,
        );
      case "ptr":
        throw unsupported(where, "a pointer, which means nothing outside the kernel");
      default:
        throw unsupported(where, `a ${type.kind}`);
    }
  }

  /** A struct of the options' list. */
  addStruct(btf: Btf, name: string): boolean {
    const type = btf.find("struct", name) ?? typedefOf(btf, name);
    if (type === undefined) return false;
    this.shape(btf, type.id, `struct ${name}`);
    return true;
  }

  /** An enum of the options' list, by its name or that of one of its members. */
  addEnum(btf: Btf, name: string): boolean {
    const type = btf.types.find(
      (type): type is BtfEnum =>
        type.kind === "enum" &&
        (type.name === name || (type.name === "" && type.values.some((value) => value.name === name))),
    );
    if (type === undefined) return false;
    this.#define(
      this.enums,
      type.name === "" ? type.values.map(({ name }) => name).join() : pascalCase(type.name),
      {
        name: type.name === "" ? undefined : pascalCase(type.name),
        cName: type.name,
        values: type.values,
      },
    );
    return true;
  }

  #custom(btf: Btf, id: number): Shape | undefined {
    for (const name of namesOf(btf, id)) {
      const custom = this.#options.types?.[name];
      if (custom === undefined) continue;
      const size = btf.sizeOf(id);
      return custom === "bytes" ? { kind: "bytes", size } : { kind: "custom", custom, size };
    }
    return undefined;
  }

  #enumShape(type: BtfEnum, where: string): Shape {
    const shape = integer(type.size, type.signed, where);
    if (type.name === "" || shape.kind !== "number") return shape;
    const name = pascalCase(type.name);
    this.#define(this.enums, name, { name, cName: type.name, values: type.values });
    return { ...shape, enum: name };
  }

  #arrayShape(btf: Btf, type: BtfArray, where: string): Shape {
    const size = btf.sizeOf(type.id);
    const element = btf.resolve(type.type);
    // Characters and bytes of either sign: text and addresses, not numbers.
    if (
      this.#custom(btf, type.type) === undefined &&
      element.kind === "int" &&
      element.size === 1 &&
      !element.bool
    ) {
      return { kind: "bytes", size };
    }
    return { kind: "array", element: this.shape(btf, type.type, `${where}[]`), length: type.length, size };
  }

  #structShape(btf: Btf, type: BtfComposite, where: string): Shape {
    if (type.name === "") return { kind: "inline", fields: this.#fields(btf, type, where), size: type.size };
    const name = pascalCase(type.name);
    const fields = this.#fields(btf, type, `struct ${type.name}`);
    this.#define(this.structs, name, { name, cName: type.name, size: type.size, fields });
    return { kind: "struct", name, size: type.size };
  }

  #fields(btf: Btf, type: BtfComposite, where: string): Field[] {
    const fields: Field[] = [];
    for (const member of type.members) {
      const path = `${where}.${member.name || "(anonymous)"}`;
      if (member.bitSize > 0 || member.bitOffset % 8 !== 0) {
        throw unsupported(path, "a bitfield: use whole bytes and masks, which read the same everywhere");
      }
      const offset = member.bitOffset / 8;
      if (isPadding(member.name) || btf.sizeOf(member.type) === 0) continue;
      const shape = this.shape(btf, member.type, path);
      if (member.name !== "") fields.push({ name: camelCase(member.name), offset, shape });
      else if (shape.kind === "inline") {
        for (const inner of shape.fields) fields.push({ ...inner, offset: offset + inner.offset });
      } else throw unsupported(path, "a member without a name");
    }
    const names = new Set(fields.map((field) => field.name));
    if (names.size !== fields.length)
      throw unsupported(where, "a struct with two fields of one name in TypeScript");
    return fields;
  }

  /** The same type may come from several objects, as long as it is the same. */
  #define<T>(into: Map<string, T>, name: string, shape: T): void {
    const known = into.get(name);
    const text = (value: unknown): string =>
      JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner));
    if (known !== undefined && text(known) !== text(shape)) {
      throw new Bpf2tsError(`two different C types would both be called ${name} in TypeScript`);
    }
    into.set(name, shape);
  }
}

function unsupported(where: string, what: string): Bpf2tsError {
  return new Bpf2tsError(`${where} is ${what}; give the type a codec of its own with the option types`);
}

/** The names by which a type can be given a codec: its typedefs, outermost first, and its tag. */
function* namesOf(btf: Btf, id: number): Generator<string, void> {
  for (let type = btf.type(id), depth = 0; depth < 32; depth++) {
    if ("name" in type && type.name !== "" && type.kind !== "ptr") yield type.name;
    if (type.kind !== "typedef" && type.kind !== "const" && type.kind !== "volatile") return;
    type = btf.type(type.type);
  }
}

function typedefOf(btf: Btf, name: string): BtfType | undefined {
  return btf.find("typedef", name);
}

function integer(size: number, signed: boolean, where: string): Shape {
  if (size === 8) return { kind: "bigint", size, signed, bigEndian: false };
  if (size === 1 || size === 2 || size === 4) return { kind: "number", size, signed, bigEndian: false };
  throw unsupported(where, `an integer of ${size} bytes`);
}
