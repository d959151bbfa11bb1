import type { DataSpec, MapSpec, ObjectSpec, ProgramSpec } from "../spec/types.ts";

/** What of an object is loaded. */
export interface Selection {
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
  readonly data: readonly DataSpec[];
}

/**
 * The programs asked for, those they reach through program arrays that the object fills, and the maps all of them
 * use. Without `only`: everything but programs that are optional.
 */
export function select(spec: ObjectSpec, only: readonly string[] | undefined): Selection {
  const programs = new Set<ProgramSpec>();
  const maps = new Set<MapSpec>();
  const data = new Set<DataSpec>();

  const addProgram = (name: string): void => {
    const program = spec.programs.get(name);
    if (program === undefined) throw new TypeError(`${spec.name} has no program ${name}`);
    if (programs.has(program)) return;
    programs.add(program);
    for (const used of program.maps) {
      const section = spec.data.get(used);
      if (section === undefined) addMap(used);
      else data.add(section);
    }
  };
  const addMap = (name: string): void => {
    const map = spec.maps.get(name);
    if (map === undefined) throw new TypeError(`${spec.name} has no map ${name}`);
    if (maps.has(map)) return;
    maps.add(map);
    for (const slot of map.initial ?? []) {
      if (map.type === "prog_array") addProgram(slot.name);
      else addMap(slot.name);
    }
  };

  for (const name of only ?? defaults(spec)) addProgram(name);
  if (only === undefined) {
    for (const name of spec.maps.keys()) addMap(name);
    for (const section of spec.data.values()) data.add(section);
  }
  return { programs: [...programs], maps: [...maps], data: [...data] };
}

function defaults(spec: ObjectSpec): string[] {
  return [...spec.programs.values()].filter((program) => program.autoload).map((program) => program.name);
}
