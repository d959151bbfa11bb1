import type { Helper } from "./code.ts";

/** Types that every generated file defines, so that it needs no import. They fit those of this package. */
export const PRELUDE: string = `export interface Codec<T> {
  readonly size: number;
  encode(value: T, view: DataView, offset: number): void;
  decode(view: DataView, offset: number): T;
}

export interface MapDef<T extends string, K, V> {
  readonly name: string;
  readonly type: T;
  readonly key: Codec<K>;
  readonly value: Codec<V>;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly pinning: "none" | "by-name";
  /** Compared field by field with the types of a map that exists. */
  readonly layout: { readonly key: string; readonly value: string };
  readonly layoutHash: string;
}

export interface VariableDef<T> {
  readonly name: string;
  readonly codec: Codec<T>;
}`;

/** In the order they are defined. */
export const HELPERS: readonly (readonly [Helper, string])[] = [
  [
    "integer",
    `function integer(value: number, low: number, high: number, field: string): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(\`\${field} must be an integer from \${low} to \${high}, not \${value}\`);
  }
  return value;
}`,
  ],
  [
    "bigInteger",
    `function bigInteger(value: bigint, low: bigint, high: bigint, field: string): bigint {
  if (typeof value !== "bigint" || value < low || value > high) {
    throw new RangeError(\`\${field} must be a bigint from \${low} to \${high}, not \${value}\`);
  }
  return value;
}`,
  ],
  [
    "checkLength",
    `function checkLength(value: readonly unknown[], length: number, field: string): void {
  if (value.length !== length) {
    throw new RangeError(\`\${field} must have \${length} elements, not \${value.length}\`);
  }
}`,
  ],
  [
    "copyBytes",
    `function copyBytes(value: Uint8Array, view: DataView, offset: number, size: number, field: string): void {
  if (value.byteLength !== size) {
    throw new RangeError(\`\${field} must have \${size} bytes, not \${value.byteLength}\`);
  }
  for (let i = 0; i < size; i++) view.setUint8(offset + i, value[i] as number);
}`,
  ],
  [
    "takeBytes",
    `function takeBytes(view: DataView, offset: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, size).slice();
}`,
  ],
  [
    "encodeValue",
    `function encodeValue<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size);
  codec.encode(value, new DataView(bytes.buffer), 0);
  return bytes;
}`,
  ],
  [
    "decodeValue",
    `function decodeValue<T>(codec: Codec<T>, bytes: readonly number[]): T {
  return codec.decode(new DataView(new Uint8Array(bytes).buffer), 0);
}`,
  ],
];
