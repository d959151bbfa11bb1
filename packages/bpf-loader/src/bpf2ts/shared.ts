import { codecName } from "./code.ts";
import type { CodeWriter } from "./code.ts";
import { pascalCase } from "./names.ts";
import type { Shape } from "./shape.ts";

/**
 * Codecs of types that have no name in C, as they stand alone in keys, values and variables: `u32Codec`,
 * `bytes6Codec`, `be16Array4Codec`. Each is defined once.
 */
export class SharedCodecs {
  readonly #code: CodeWriter;
  readonly #defined = new Map<string, { readonly type: string; readonly text: string }>();

  constructor(code: CodeWriter) {
    this.#code = code;
  }

  /** The name of the codec for a shape; defines it unless it is that of a struct. */
  nameOf(shape: Shape): string {
    const name = codecName(shape.kind === "struct" ? shape.name : this.#base(shape));
    if (shape.kind !== "struct") {
      this.#defined.set(name, {
        type: this.#code.typeOf(shape),
        text: this.#code.codec(shape, "value").join("\n"),
      });
    }
    return name;
  }

  /** Their definitions, by name. */
  definitions(): string[] {
    return [...this.#defined]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, { type, text }]) => [`export const ${name}: Codec<${type}> = ${text};`, ""]);
  }

  #base(shape: Shape): string {
    switch (shape.kind) {
      case "number":
      case "bigint":
        return `${shape.bigEndian ? "be" : shape.signed ? "s" : "u"}${shape.size * 8}`;
      case "bool":
        return "bool";
      case "bytes":
        return `bytes${shape.size}`;
      case "array":
        return `${this.#base(shape.element)}Array${shape.length}`;
      case "struct":
        return shape.name;
      case "custom":
        // Two C types may share a TypeScript type and differ in size.
        return `${pascalCase(shape.custom.type.replaceAll(/\W+/g, "_"))}${shape.size}`;
      default:
        return `anonymous${shape.fields.map((field) => pascalCase(field.name)).join("")}`;
    }
  }
}
