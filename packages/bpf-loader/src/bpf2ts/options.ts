/** Functions of yours that read and write one C type, in place of generated code. */
export interface CustomType {
  /** The TypeScript type. Imported from `from` unless it is a primitive, `Uint8Array` or `bigint`. */
  readonly type: string;
  /** Name of a function `(value: Type, view: DataView, offset: number) => void`. It need not write zeroes. */
  readonly encode: string;
  /** Name of a function `(view: DataView, offset: number) => Type`. */
  readonly decode: string;
  /** Module that exports them, as the generated file should import it. */
  readonly from: string;
}

export interface GenerateOptions {
  /** By the name of a C struct, union, enum or typedef. `"bytes"` leaves it as a `Uint8Array`. */
  readonly types?: Readonly<Record<string, CustomType | "bytes">>;
  /** Structs to emit although no map or variable refers to them, e.g. records of a ring buffer. */
  readonly structs?: readonly string[];
  /** Enums to emit likewise. The name of an enumerator selects the anonymous enum that holds it. */
  readonly enums?: readonly string[];
  /** What the file says it was made from. @defaultValue the names of the objects */
  readonly source?: string;
}
