import { btfCodec } from "../btf/codec.ts";
import type { MapSpec, ObjectSpec, SpecChanges, VariableSpec, VariableValue, DataSpec } from "./types.ts";

type Contents = Omit<ObjectSpec, "initial" | "with">;

/** Gives parsed contents their methods. */
export function makeSpec(contents: Contents): ObjectSpec {
  return {
    ...contents,
    initial: (variable) => initialValue(contents, variable),
    with: (changes) => makeSpec(changed(contents, changes)),
  };
}

/** @throws TypeError for a variable the object does not have. */
export function findVariable(spec: Contents, name: string): VariableSpec {
  const variable = spec.config.get(name) ?? spec.vars.get(name);
  if (variable === undefined) throw new TypeError(`${spec.name} has no variable ${name}`);
  return variable;
}

function initialValue(spec: Contents, name: string): unknown {
  const variable = findVariable(spec, name);
  const contents = spec.data.get(variable.section)?.contents;
  if (spec.btf === undefined || contents === undefined) return undefined;
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  return btfCodec(spec.btf, variable.type).decode(view, variable.offset);
}

function changed(spec: Contents, changes: SpecChanges): Contents {
  const maps = new Map(spec.maps);
  const change = (name: string, edit: (map: MapSpec) => MapSpec): void => {
    const map = maps.get(name);
    if (map === undefined) throw new TypeError(`${spec.name} has no map ${name}`);
    maps.set(name, edit(map));
  };
  for (const [name, maxEntries] of Object.entries(changes.maxEntries ?? {})) {
    if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > 0xffffffff) {
      throw new RangeError(
        `maxEntries of ${name} must be an integer from 1 to 4294967295, not ${maxEntries}`,
      );
    }
    change(name, (map) => ({ ...map, maxEntries }));
  }
  for (const [name, inner] of Object.entries(changes.innerMaps ?? {})) {
    change(name, (map) => {
      if (map.inner === undefined) throw new TypeError(`map ${name} does not hold maps`);
      return { ...map, inner: { ...map.inner, ...inner } };
    });
  }
  return { ...spec, maps, data: configured(spec, changes.config ?? {}) };
}

function configured(
  spec: Contents,
  config: Readonly<Record<string, VariableValue>>,
): ReadonlyMap<string, DataSpec> {
  const data = new Map(spec.data);
  const copied = new Set<string>();
  for (const [name, value] of Object.entries(config)) {
    const variable = spec.config.get(name);
    if (variable === undefined) throw new TypeError(`${spec.name} has no config variable ${name}`);
    let section = data.get(variable.section);
    if (section === undefined) continue;
    if (!copied.has(section.name)) {
      section = { ...section, contents: section.contents.slice() };
      data.set(section.name, section);
      copied.add(section.name);
    }
    writeVariable(spec, variable, value, section.contents);
  }
  return data;
}

function writeVariable(
  spec: Contents,
  variable: VariableSpec,
  value: VariableValue,
  contents: Uint8Array,
): void {
  if (value instanceof Uint8Array) {
    if (value.byteLength !== variable.size) {
      throw new RangeError(`${variable.name} takes ${variable.size} bytes, not ${value.byteLength}`);
    }
    contents.set(value, variable.offset);
    return;
  }
  if (spec.btf === undefined) throw new TypeError(`${spec.name} has no BTF: pass ${variable.name} as bytes`);
  const codec = btfCodec(spec.btf, variable.type);
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  codec.encode(widened(codec.size, value), view, variable.offset);
}

/** A plain number is good enough for a 64-bit variable, as long as it is exact. */
function widened(size: number, value: VariableValue): VariableValue {
  return size === 8 && typeof value === "number" ? BigInt(value) : value;
}
