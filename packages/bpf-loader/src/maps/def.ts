import type { MapType } from "../abi.ts";
import type { Codec } from "../codec.ts";
import type { LayoutText } from "../btf/layout.ts";

/**
 * A map as TypeScript sees it: its name and how its bytes become values. `bpf2ts` generates these with literal types;
 * {@link defineMap} makes one by hand.
 */
export interface MapDef<K = unknown, V = unknown> {
  readonly name: string;
  readonly type: MapType;
  readonly key: Codec<K>;
  /** Of one CPU, for a per-CPU map. Unused for ring buffers and maps of maps or programs. */
  readonly value: Codec<V>;
  /** Checked against the BTF of a map that exists already, field by field. */
  readonly layout?: { readonly key: LayoutText; readonly value: LayoutText };
}

/** Gives a definition the types of its codecs: `defineMap({ name: "hits", type: "hash", key: u32, value: u64 })`. */
export function defineMap<const T extends MapType, K, V>(
  def: MapDef<K, V> & { readonly type: T },
): MapDef<K, V> & { readonly type: T } {
  return def;
}

export type KeyOf<D> = D extends { readonly key: Codec<infer K> } ? K : never;
export type ValueOf<D> = D extends { readonly value: Codec<infer V> } ? V : never;
