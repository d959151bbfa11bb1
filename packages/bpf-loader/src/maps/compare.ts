import { compareLayouts, layoutOf } from "../btf/layout.ts";
import type { LayoutText } from "../btf/layout.ts";
import type { Btf } from "../btf/btf.ts";
import { BpfError } from "../errors.ts";
import type { MapSpec } from "../spec/types.ts";
import type { Sys } from "../sys/sys.ts";
import type { MapDef } from "./def.ts";
import { readBtf } from "./info.ts";
import type { MapInfo } from "./info.ts";

/** The first way in which a map that exists differs from the one that is wanted. */
export interface MapMismatch {
  readonly map: string;
  /** `type`, `keySize`, `valueSize`, `maxEntries`, `flags`, `extra`, or a path such as `value.counter.bytes`. */
  readonly field: string;
  readonly want: string;
  readonly have: string;
}

const COMPARED = ["type", "keySize", "valueSize", "maxEntries", "flags", "extra"] as const;

/** Compares what an object asks for with a map of the kernel; undefined if the map will do. */
export function compareSpec(
  sys: Sys,
  spec: MapSpec,
  btf: Btf | undefined,
  info: MapInfo,
): MapMismatch | undefined {
  for (const field of COMPARED) {
    const want = spec[field] ?? (field === "extra" ? 0n : 0);
    if (want !== info[field]) return { map: spec.name, field, want: String(want), have: String(info[field]) };
  }
  if (btf === undefined || !spec.keyType || !spec.valueType) return undefined;
  const layout = { key: layoutOf(btf, spec.keyType), value: layoutOf(btf, spec.valueType) };
  return compareLayout(sys, spec.name, layout, info);
}

/** Compares a definition with a map of the kernel: sizes by its codecs, fields by its layout. */
export function compareDef(sys: Sys, def: MapDef, info: MapInfo): MapMismatch | undefined {
  const differs = (field: string, want: unknown, have: unknown): MapMismatch | undefined =>
    want === have ? undefined : { map: def.name, field, want: String(want), have: String(have) };
  const sized = info.keySize > 0 && !info.type.endsWith("_of_maps") && info.type !== "prog_array";
  return (
    differs("type", def.type, info.type) ??
    (info.keySize > 0 ? differs("keySize", def.key.size, info.keySize) : undefined) ??
    (sized ? differs("valueSize", def.value.size, info.valueSize) : undefined) ??
    (def.layout === undefined ? undefined : compareLayout(sys, def.name, def.layout, info))
  );
}

function compareLayout(
  sys: Sys,
  map: string,
  want: { readonly key: LayoutText; readonly value: LayoutText },
  info: MapInfo,
): MapMismatch | undefined {
  // A map created without types says nothing about its bytes.
  if (info.btfId === 0 || info.keyType === 0 || info.valueType === 0) return undefined;
  const btf = readBtf(sys, info.btfId);
  for (const part of ["key", "value"] as const) {
    const difference = compareLayouts(want[part], layoutOf(btf, info[`${part}Type`]));
    if (difference !== undefined) {
      const field = difference.field === "" ? part : `${part}.${difference.field}`;
      return { map, field, want: difference.want, have: difference.have };
    }
  }
  return undefined;
}

/** `ERR_PIN_LAYOUT`: names the map, the field, both sides, and the way out. */
export function mismatchError({ map, field, want, have }: MapMismatch, path?: string): BpfError {
  const where = path === undefined ? `map ${map}` : `map ${map} pinned at ${path}`;
  const hint =
    path === undefined
      ? "regenerate the definition from the object that created the map"
      : `remove the pin, or load with onIncompatiblePin: "replace" to start it empty`;
  const message = `${where} is incompatible: ${field} should be ${want} and is ${have}`;
  return new BpfError("ERR_PIN_LAYOUT", message, { object: map, hint });
}
