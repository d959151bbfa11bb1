import { layoutOf } from "../btf/layout.ts";
import type { MapSpec, ObjectSpec, VariableSpec } from "../spec/types.ts";
import type { GenerateOptions } from "./options.ts";
import { Bpf2tsError, Resolver } from "./resolve.ts";
import type { Shape } from "./shape.ts";

export interface MapEntry {
  readonly spec: MapSpec;
  readonly key: Shape;
  readonly value: Shape;
  readonly keyLayout: string;
  readonly valueLayout: string;
  readonly inner: MapEntry | undefined;
}

export interface VariableEntry {
  readonly spec: VariableSpec;
  readonly shape: Shape;
  readonly initial: Uint8Array;
}

/** Everything a generated file describes, from one object or several that share types and maps. */
export class Collected {
  readonly resolver: Resolver;
  readonly maps: Map<string, MapEntry> = new Map();
  readonly config: Map<string, VariableEntry> = new Map();
  readonly vars: Map<string, VariableEntry> = new Map();
  readonly programs: Set<string> = new Set();

  /** @throws {@link Bpf2tsError} */
  constructor(specs: readonly ObjectSpec[], options: GenerateOptions) {
    this.resolver = new Resolver(options);
    for (const spec of specs) this.#collect(spec);
    this.#extras(specs, "struct", options.structs, (btf, name) => this.resolver.addStruct(btf, name));
    this.#extras(specs, "enum", options.enums, (btf, name) => this.resolver.addEnum(btf, name));
  }

  #collect(spec: ObjectSpec): void {
    if (spec.btf === undefined) throw new Bpf2tsError(`${spec.name} has no BTF: compile with -g`);
    for (const map of spec.maps.values()) {
      const entry = this.#map(spec, map);
      const known = this.maps.get(map.name);
      if (known !== undefined && describe(known) !== describe(entry)) {
        throw new Bpf2tsError(
          `map ${map.name} differs: ${describe(known)}; in ${spec.name} ${describe(entry)}`,
        );
      }
      this.maps.set(map.name, entry);
    }
    for (const variable of spec.config.values()) this.#variable(spec, variable, this.config);
    for (const variable of spec.vars.values()) this.#variable(spec, variable, this.vars);
    for (const name of spec.programs.keys()) this.programs.add(name);
  }

  #map(spec: ObjectSpec, map: MapSpec): MapEntry {
    const [key, keyLayout] = this.#side(spec, map, "key");
    const [value, valueLayout] = this.#side(spec, map, "value");
    const inner = map.inner === undefined ? undefined : this.#map(spec, map.inner);
    return { spec: map, key, value, keyLayout, valueLayout, inner };
  }

  #side(spec: ObjectSpec, map: MapSpec, part: "key" | "value"): [Shape, string] {
    const holdsDescriptors = map.type.endsWith("_of_maps") || map.type === "prog_array";
    const id = map[`${part}Type`] ?? 0;
    const size = map[`${part}Size`];
    if (id !== 0 && spec.btf !== undefined && !(holdsDescriptors && part === "value")) {
      return [this.resolver.shape(spec.btf, id, `${part} of map ${map.name}`), layoutOf(spec.btf, id)];
    }
    // Declared by size alone: descriptors and indexes of arrays are words, the rest is bytes.
    if (size === 4 && (holdsDescriptors || (part === "key" && map.type.includes("array")))) {
      return [{ kind: "number", size: 4, signed: false, bigEndian: false }, "4;@0:u32"];
    }
    return [{ kind: "bytes", size }, `${size}`];
  }

  #variable(spec: ObjectSpec, variable: VariableSpec, into: Map<string, VariableEntry>): void {
    // Statics of functions (`function.name`) and string constants are the compiler's business.
    if (!/^[A-Za-z_]\w*$/.test(variable.name) || spec.btf === undefined) return;
    // `const struct event *keep_event;` is how C authors keep a type in the BTF: not a variable to read.
    if (spec.btf.resolve(variable.type).kind === "ptr") return;
    const shape = this.resolver.shape(spec.btf, variable.type, `variable ${variable.name}`);
    const contents = spec.data.get(variable.section)?.contents ?? new Uint8Array(variable.size);
    const initial = contents.slice(variable.offset, variable.offset + variable.size);
    const known = into.get(variable.name);
    if (known !== undefined && JSON.stringify(known.shape) !== JSON.stringify(shape)) {
      throw new Bpf2tsError(`variable ${variable.name} has another type in ${spec.name}`);
    }
    into.set(variable.name, known ?? { spec: variable, shape, initial });
  }

  #extras(
    specs: readonly ObjectSpec[],
    what: "struct" | "enum",
    names: readonly string[] = [],
    add: (btf: NonNullable<ObjectSpec["btf"]>, name: string) => boolean,
  ): void {
    for (const name of names) {
      const found = specs.map((spec) => spec.btf !== undefined && add(spec.btf, name));
      if (found.includes(true)) continue;
      throw new Bpf2tsError(`no object has ${what} ${name} in its BTF: clang keeps only types that are used`);
    }
  }
}

function describe({ spec, keyLayout, valueLayout }: MapEntry): string {
  return `${spec.type} of ${spec.maxEntries}, flags ${spec.flags ?? 0}, ${keyLayout} to ${valueLayout}`;
}
