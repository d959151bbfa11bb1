import type { CustomType } from "./options.ts";

/** How a C type is read and written; the emitter turns it into code. Sizes and offsets in bytes. */
export type Shape =
  | NumberShape
  | BigIntShape
  | { readonly kind: "bool"; readonly size: 1 }
  | { readonly kind: "bytes"; readonly size: number }
  | { readonly kind: "array"; readonly element: Shape; readonly length: number; readonly size: number }
  /** A struct with a name: has an interface and a codec of its own. */
  | { readonly kind: "struct"; readonly name: string; readonly size: number }
  /** A struct without: written in place. */
  | { readonly kind: "inline"; readonly fields: readonly Field[]; readonly size: number }
  | { readonly kind: "custom"; readonly custom: CustomType; readonly size: number };

export interface NumberShape {
  readonly kind: "number";
  readonly size: 1 | 2 | 4;
  readonly signed: boolean;
  readonly bigEndian: boolean;
  /** TypeScript name of the enum it holds, for the comment. */
  readonly enum?: string;
}

export interface BigIntShape {
  readonly kind: "bigint";
  readonly size: 8;
  readonly signed: boolean;
  readonly bigEndian: boolean;
}

export interface Field {
  /** In TypeScript. */
  readonly name: string;
  readonly offset: number;
  readonly shape: Shape;
}

export interface StructShape {
  /** In TypeScript. */
  readonly name: string;
  readonly cName: string;
  readonly size: number;
  readonly fields: readonly Field[];
}

export interface EnumShape {
  /** Undefined for an anonymous enum: its members become constants. */
  readonly name: string | undefined;
  readonly cName: string;
  readonly values: readonly { readonly name: string; readonly value: number | bigint }[];
}
