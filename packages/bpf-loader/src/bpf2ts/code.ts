import type { Field, Shape, StructShape } from "./shape.ts";

/** Helpers that the generated file defines if its code uses them. */
export type Helper =
  | "integer"
  | "bigInteger"
  | "copyBytes"
  | "takeBytes"
  | "checkLength"
  | "encodeValue"
  | "decodeValue";

const MAX_ZERO_STORES = 16;

/** Writes the straight-line code of codecs, and remembers which helpers it needs. */
export class CodeWriter {
  readonly helpers: Set<Helper> = new Set();

  typeOf(shape: Shape): string {
    switch (shape.kind) {
      case "number":
        return "number";
      case "bigint":
        return "bigint";
      case "bool":
        return "boolean";
      case "bytes":
        return "Uint8Array";
      case "array": {
        const element = this.typeOf(shape.element);
        return `readonly ${/^[\w$]+$/.test(element) ? element : `(${element})`}[]`;
      }
      case "struct":
        return shape.name;
      case "custom":
        return shape.custom.type;
      default:
        return `{ ${shape.fields.map((field) => `readonly ${field.name}: ${this.typeOf(field.shape)}`).join("; ")} }`;
    }
  }

  /** Statements that write `value` at `base + at`. `label` names it in errors. */
  encode(shape: Shape, value: string, base: string, at: number, label: string, depth = 0): string[] {
    const place = offset(base, at);
    switch (shape.kind) {
      case "number": {
        const bits = shape.size * 8;
        const low = shape.signed ? -(2 ** (bits - 1)) : 0;
        const high = shape.signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
        this.helpers.add("integer");
        const checked = `integer(${value}, ${low}, ${high}, ${JSON.stringify(label)})`;
        return [
          `view.set${accessor(shape.signed, bits)}(${place}, ${checked}${endian(shape.size, shape.bigEndian)});`,
        ];
      }
      case "bigint": {
        this.helpers.add("bigInteger");
        const [low, high] = shape.signed
          ? ["-0x8000000000000000n", "0x7fffffffffffffffn"]
          : ["0n", "0xffffffffffffffffn"];
        const checked = `bigInteger(${value}, ${low}, ${high}, ${JSON.stringify(label)})`;
        return [
          `view.setBig${shape.signed ? "Int" : "Uint"}64(${place}, ${checked}${endian(8, shape.bigEndian)});`,
        ];
      }
      case "bool":
        return [`view.setUint8(${place}, ${value} ? 1 : 0);`];
      case "bytes":
        this.helpers.add("copyBytes");
        return [`copyBytes(${value}, view, ${place}, ${shape.size}, ${JSON.stringify(label)});`];
      case "struct":
        return [`${codecName(shape.name)}.encode(${value}, view, ${place});`];
      case "custom":
        return [...zero(base, at, shape.size), `${shape.custom.encode}(${value}, view, ${place});`];
      case "array":
        return this.#encodeArray(shape, value, base, at, label, depth);
      default:
        return this.encodeFields(shape.fields, shape.size, value, base, at, label, depth);
    }
  }

  #encodeArray(
    shape: Extract<Shape, { kind: "array" }>,
    value: string,
    base: string,
    at: number,
    label: string,
    depth: number,
  ): string[] {
    this.helpers.add("checkLength");
    const index = `i${depth === 0 ? "" : depth}`;
    const element = `(${value}[${index}] as ${this.typeOf(shape.element)})`;
    const stride = shape.element.size;
    const inner = this.encode(
      shape.element,
      element,
      `${offset(base, at)} + ${index} * ${stride}`,
      0,
      `${label}[]`,
      depth + 1,
    );
    return [
      `checkLength(${value}, ${shape.length}, ${JSON.stringify(label)});`,
      `for (let ${index} = 0; ${index} < ${shape.length}; ${index}++) {`,
      ...inner.map(indent),
      "}",
    ];
  }

  /** Every byte is written: fields by their value, what lies between them as zero. */
  encodeFields(
    fields: readonly Field[],
    size: number,
    value: string,
    base: string,
    at: number,
    label: string,
    depth = 0,
  ): string[] {
    const code: string[] = [];
    let written = 0;
    for (const field of [...fields].sort((a, b) => a.offset - b.offset)) {
      code.push(...zero(base, at + written, field.offset - written));
      code.push(
        ...this.encode(
          field.shape,
          `${value}.${field.name}`,
          base,
          at + field.offset,
          `${label}.${field.name}`,
          depth,
        ),
      );
      written = Math.max(written, field.offset + field.shape.size);
    }
    return [...code, ...zero(base, at + written, size - written)];
  }

  /** An expression that reads from `base + at`. */
  decode(shape: Shape, base: string, at: number, depth = 0): string {
    const place = offset(base, at);
    switch (shape.kind) {
      case "number":
        return `view.get${accessor(shape.signed, shape.size * 8)}(${place}${endian(shape.size, shape.bigEndian)})`;
      case "bigint":
        return `view.getBig${shape.signed ? "Int" : "Uint"}64(${place}${endian(8, shape.bigEndian)})`;
      case "bool":
        return `view.getUint8(${place}) !== 0`;
      case "bytes":
        this.helpers.add("takeBytes");
        return `takeBytes(view, ${place}, ${shape.size})`;
      case "struct":
        return `${codecName(shape.name)}.decode(view, ${place})`;
      case "custom":
        return `${shape.custom.decode}(view, ${place})`;
      case "array": {
        const index = `i${depth === 0 ? "" : depth}`;
        const element = this.decode(
          shape.element,
          `${place} + ${index} * ${shape.element.size}`,
          0,
          depth + 1,
        );
        const body = element.startsWith("{") ? `(${element})` : element;
        return `Array.from({ length: ${shape.length} }, (_, ${index}) => ${body})`;
      }
      default:
        return `{ ${shape.fields.map((field) => `${field.name}: ${this.decode(field.shape, base, at + field.offset, depth)}`).join(", ")} }`;
    }
  }

  /** An object literal with `size`, `encode` and `decode`. */
  codec(shape: Shape | StructShape, label: string): string[] {
    const struct = "cName" in shape;
    const encode = struct
      ? this.encodeFields(shape.fields, shape.size, "value", "offset", 0, label)
      : this.encode(shape, "value", "offset", 0, label);
    const decode = struct
      ? [
          "return {",
          ...shape.fields.map((field) =>
            indent(`${field.name}: ${this.decode(field.shape, "offset", field.offset)},`),
          ),
          "};",
        ]
      : [`return ${this.decode(shape, "offset", 0)};`];
    return [
      "{",
      indent(`size: ${shape.size},`),
      indent("encode(value, view, offset) {"),
      ...encode.map(indent).map(indent),
      indent("},"),
      indent("decode(view, offset) {"),
      ...decode.map(indent).map(indent),
      indent("},"),
      "}",
    ];
  }
}

export function codecName(structName: string): string {
  return `${structName.charAt(0).toLowerCase()}${structName.slice(1)}Codec`;
}

export function indent(line: string): string {
  return line === "" ? "" : `  ${line}`;
}

function offset(base: string, at: number): string {
  return at === 0 ? base : `${base} + ${at}`;
}

function accessor(signed: boolean, bits: number): string {
  return `${signed ? "Int" : "Uint"}${bits}`;
}

function endian(size: number, bigEndian: boolean): string {
  return size === 1 ? "" : `, ${!bigEndian}`;
}

/** Stores of zeroes, the widest first; beyond a few words one call. */
function zero(base: string, at: number, size: number): string[] {
  if (size > MAX_ZERO_STORES * 4) {
    return [`new Uint8Array(view.buffer, view.byteOffset + ${offset(base, at)}, ${size}).fill(0);`];
  }
  const code: string[] = [];
  for (let done = 0; done < size;) {
    const width = [4, 2, 1].find((width) => width <= size - done) ?? 1;
    code.push(`view.setUint${width * 8}(${offset(base, at + done)}, 0);`);
    done += width;
  }
  return code;
}
