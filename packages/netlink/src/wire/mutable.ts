/** Results are read-only to everyone but the decoder that fills them. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
