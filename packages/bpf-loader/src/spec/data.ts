import type { Btf } from "../btf/btf.ts";
import { corrupt } from "../elf/reader.ts";
import { SECTION_TYPE } from "../elf/elf.ts";
import type { Elf, ElfSection } from "../elf/elf.ts";
import { OBJECT_NAME_LENGTH } from "../abi.ts";
import type { DataSpec, VariableSpec } from "./types.ts";

/** The kernel limits the value of an array map; a data section is one value (`array_map_alloc_check`). */
const MAX_DATA_SIZE = 16 * 1024 * 1024;

export function isDataSection(section: ElfSection): boolean {
  return (
    (section.type === SECTION_TYPE.PROGBITS || section.type === SECTION_TYPE.NOBITS) &&
    section.size > 0 &&
    /^\.(rodata|data|bss)(\..*)?$/.test(section.name)
  );
}

export interface DataAndVariables {
  readonly data: Map<string, DataSpec>;
  readonly config: Map<string, VariableSpec>;
  readonly vars: Map<string, VariableSpec>;
}

/** Data sections with their variables. @throws {@link BpfError} `ERR_OBJECT_CORRUPT`. */
export function readData(
  elf: Elf,
  btf: Btf | undefined,
  offsetOf: (section: string, variable: string) => number | undefined,
): DataAndVariables {
  const result = {
    data: new Map<string, DataSpec>(),
    config: new Map(),
    vars: new Map(),
  } satisfies DataAndVariables;
  for (const section of elf.sections) {
    if (!isDataSection(section)) continue;
    if (section.size > MAX_DATA_SIZE) throw corrupt(elf.name, `${section.name} has ${section.size} bytes`);
    const kind = section.name.startsWith(".rodata") ? "config" : "vars";
    const btfSection = btf?.find("datasec", section.name);
    const contents = new Uint8Array(section.size);
    contents.set(section.data);
    const spec: DataSpec = {
      name: section.name,
      map: `${elf.name.slice(0, 8)}${section.name}`.slice(0, OBJECT_NAME_LENGTH),
      kind,
      contents,
      type: btfSection?.id ?? 0,
    };
    result.data.set(section.name, spec);
    if (btf === undefined || btfSection === undefined) continue;
    for (const entry of btfSection.entries) {
      const variable = btf.type(entry.type);
      if (variable.kind !== "var")
        throw corrupt(elf.name, `${section.name} holds something else than variables`);
      const offset = offsetOf(section.name, variable.name) ?? entry.offset;
      if (offset + entry.size > section.size || entry.size !== btf.sizeOf(variable.type)) {
        throw corrupt(elf.name, `variable ${variable.name} does not fit ${section.name}`);
      }
      const { name, type } = variable;
      result[kind].set(name, { name, section: section.name, offset, size: entry.size, type });
    }
  }
  return result;
}
