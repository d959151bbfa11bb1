import { mapTypeName } from "../abi.ts";
import type { Btf } from "../btf/btf.ts";
import { BpfError } from "../errors.ts";
import { corrupt } from "../elf/reader.ts";
import type { ElfRelocation } from "../elf/elf.ts";
import type { BtfComposite, BtfType } from "../btf/types.ts";
import type { InitialSlot, MapSpec, Pinning } from "./types.ts";

const R_BPF_64_ABS64 = 2;

/** One variable of the `.maps` section. */
export interface MapDefinition {
  readonly name: string;
  /** Where it lies in the section. */
  readonly offset: number;
  readonly size: number;
  /** BTF id of the anonymous struct that describes the map. */
  readonly type: number;
}

/** Names what a pointer in a definition refers to: a map or a program. */
export type NameTarget = (relocation: ElfRelocation) => string;

/**
 * Reads a BTF-defined map: each member of the struct is a property, numbers are the lengths of arrays
 * (`__uint`), types are what pointers point to (`__type`), `values` is an array of pointers (`__array`).
 *
 * @throws {@link BpfError} `ERR_OBJECT_CORRUPT`; `ERR_UNSUPPORTED` for a property or map type this package lacks.
 */
export function readMap(
  btf: Btf,
  definition: MapDefinition,
  relocations: readonly ElfRelocation[],
  target: NameTarget,
): MapSpec {
  const struct = btf.resolve(definition.type);
  if (struct.kind !== "struct") throw corrupt(btf.object, `map ${definition.name} is not a struct`);
  const spec = readStruct(btf, definition.name, struct);
  const values = struct.members.find((member) => member.name === "values");
  if (values === undefined) return spec;
  const start = definition.offset + values.bitOffset / 8;
  const initial: InitialSlot[] = [];
  for (const relocation of relocations) {
    if (relocation.offset < start || relocation.offset >= definition.offset + definition.size) continue;
    const index = (relocation.offset - start) / 8;
    if (relocation.type !== R_BPF_64_ABS64 || !Number.isInteger(index)) {
      throw corrupt(btf.object, `map ${definition.name} has an odd initial value`);
    }
    initial.push({ index, name: target(relocation) });
  }
  return initial.length === 0 ? spec : { ...spec, initial };
}

interface Draft {
  type: number;
  keySize: number;
  valueSize: number;
  keyType: number;
  valueType: number;
  maxEntries: number;
  flags: number;
  numaNode: number | undefined;
  pinning: Pinning;
  extra: bigint;
  inner: MapSpec | undefined;
}

function readStruct(btf: Btf, name: string, struct: BtfComposite): MapSpec {
  const draft: Draft = {
    type: 0,
    keySize: 0,
    valueSize: 0,
    keyType: 0,
    valueType: 0,
    maxEntries: 0,
    flags: 0,
    numaNode: undefined,
    pinning: "none",
    extra: 0n,
    inner: undefined,
  };
  for (const member of struct.members) readProperty(btf, name, draft, member.name, member.type);
  const type = mapTypeName(draft.type);
  if (type === undefined) {
    throw new BpfError("ERR_UNSUPPORTED", `map ${name} of ${btf.object} has type ${draft.type}`, {
      object: btf.object,
      feature: `map type ${draft.type}`,
    });
  }
  const holdsDescriptors = type.endsWith("_of_maps") || type === "prog_array";
  if (holdsDescriptors) {
    draft.keySize ||= 4;
    draft.valueSize = 4;
  }
  if (type.endsWith("_of_maps") && draft.inner === undefined) {
    throw corrupt(btf.object, `map ${name} holds maps but has no template for them (__array(values, …))`);
  }
  return {
    name,
    type,
    keySize: draft.keySize,
    valueSize: draft.valueSize,
    maxEntries: draft.maxEntries,
    flags: draft.flags,
    pinning: draft.pinning,
    extra: draft.extra,
    keyType: draft.keyType,
    valueType: draft.valueType,
    ...(draft.numaNode === undefined ? {} : { numaNode: draft.numaNode }),
    ...(draft.inner === undefined ? {} : { inner: draft.inner }),
  };
}

function readProperty(btf: Btf, map: string, draft: Draft, property: string, type: number): void {
  switch (property) {
    case "type":
      draft.type = number(btf, map, property, type);
      return;
    case "key_size":
      draft.keySize = number(btf, map, property, type);
      return;
    case "value_size":
      draft.valueSize = number(btf, map, property, type);
      return;
    case "max_entries":
      draft.maxEntries = number(btf, map, property, type);
      return;
    case "map_flags":
      draft.flags = number(btf, map, property, type);
      return;
    case "numa_node":
      draft.numaNode = number(btf, map, property, type);
      return;
    case "map_extra":
      draft.extra = BigInt(number(btf, map, property, type));
      return;
    case "pinning":
      draft.pinning = number(btf, map, property, type) === 0 ? "none" : "by-name";
      return;
    case "key":
      draft.keyType = pointee(btf, map, property, type);
      draft.keySize = btf.sizeOf(draft.keyType);
      return;
    case "value":
      draft.valueType = pointee(btf, map, property, type);
      draft.valueSize = btf.sizeOf(draft.valueType);
      return;
    case "values":
      draft.inner = template(btf, map, type);
      return;
    default:
      throw new BpfError("ERR_UNSUPPORTED", `map ${map} of ${btf.object} has the property ${property}`, {
        object: btf.object,
        feature: `map property ${property}`,
      });
  }
}

/** `int (*name)[N]` stands for the number N. */
function number(btf: Btf, map: string, property: string, type: number): number {
  const array = btf.resolve(pointee(btf, map, property, type));
  if (array.kind !== "array") throw corrupt(btf.object, `map ${map} has an odd ${property}`);
  return array.length;
}

function pointee(btf: Btf, map: string, property: string, type: number): number {
  const pointer = btf.resolve(type);
  if (pointer.kind !== "ptr") throw corrupt(btf.object, `map ${map} has an odd ${property}`);
  return pointer.type;
}

/** The element type of `values`: a map definition, or the prototype of a program. */
function template(btf: Btf, map: string, type: number): MapSpec | undefined {
  const array = btf.resolve(type);
  if (array.kind !== "array") throw corrupt(btf.object, `map ${map} has odd values`);
  const inner: BtfType = btf.resolve(pointee(btf, map, "values", array.type));
  if (inner.kind === "func_proto") return undefined;
  if (inner.kind !== "struct") throw corrupt(btf.object, `map ${map} has odd values`);
  if (inner.members.some((member) => member.name === "values")) {
    throw corrupt(btf.object, `map ${map} nests maps of maps, which the kernel does not allow`);
  }
  return readStruct(btf, `${map}.inner`, inner);
}
