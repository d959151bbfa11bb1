import type { Btf } from "../btf/btf.ts";
import { parseBtfExt } from "../btf/ext.ts";
import { loadableBtf } from "../btf/loadable.ts";
import { parseBtf } from "../btf/parse.ts";
import { SHN_UNDEF, SYMBOL_BIND, SYMBOL_TYPE, parseElf } from "../elf/elf.ts";
import type { Elf, ElfSection, ElfSymbol } from "../elf/elf.ts";
import { corrupt } from "../elf/reader.ts";
import { BpfError } from "../errors.ts";
import { textOf } from "../sys/memory.ts";
import { isDataSection, readData } from "./data.ts";
import { Linker } from "./linker.ts";
import type { CodeFunction, LinkedCode } from "./linker.ts";
import { readMap } from "./maps.ts";
import { objectNeeds, programNeeds } from "./needs.ts";
import { sectionKind } from "./sections.ts";
import { makeSpec } from "./spec.ts";
import type { ExternSpec, MapSpec, ObjectSpec, ProgramSpec } from "./types.ts";

export interface ParseOptions {
  /** Used in messages and for the names of data maps. @defaultValue "object" */
  readonly name?: string;
}

/**
 * Reads a BPF object file (`clang -O2 -g -target bpf -c`). Needs no kernel and no privileges.
 *
 * @throws {@link BpfError} `ERR_OBJECT_CORRUPT`; `ERR_UNSUPPORTED` for what the format allows and this package lacks.
 */
export function parseObject(bytes: Uint8Array, options: ParseOptions = {}): ObjectSpec {
  return new ObjectParser(options.name ?? "object", bytes).parse();
}

class ObjectParser {
  readonly #name: string;
  readonly #elf: Elf;
  readonly #btf: Btf | undefined;
  /** Offsets of variables, by section name. */
  readonly #symbols = new Map<string, Map<string, ElfSymbol>>();

  constructor(name: string, bytes: Uint8Array) {
    this.#name = name;
    // A private copy: the spec outlives whatever the caller does with the bytes.
    this.#elf = parseElf(name, bytes.slice());
    const btf = this.#section(".BTF");
    this.#btf = btf === undefined ? undefined : parseBtf(name, btf.data);
    for (const symbol of this.#elf.symbols) {
      const section = this.#elf.sections[symbol.section];
      if (section === undefined || symbol.type === SYMBOL_TYPE.SECTION) continue;
      const list = this.#symbols.get(section.name) ?? new Map<string, ElfSymbol>();
      list.set(symbol.name, symbol);
      this.#symbols.set(section.name, list);
    }
  }

  parse(): ObjectSpec {
    if (this.#section("maps") !== undefined) {
      throw new BpfError(
        "ERR_UNSUPPORTED",
        `${this.#name} defines maps the old way, in a section named maps`,
        {
          object: this.#name,
          feature: "legacy map definitions",
          hint: "define them with BTF, in .maps",
        },
      );
    }
    const btf = this.#btf;
    const { data, config, vars } = readData(this.#elf, btf, this.#offsetOf);
    const definitions = this.#mapDefinitions();
    const maps = this.#maps(definitions);
    const externs = this.#externs();
    const programs = this.#programs(definitions, externs);
    return makeSpec({
      name: this.#name,
      license: textOf(this.#section("license")?.data ?? new Uint8Array(0)),
      maps,
      programs,
      config,
      vars,
      data,
      externs,
      btf,
      loadableBtf:
        btf && loadableBtf(btf, { sizeOf: (name) => this.#section(name)?.size, offsetOf: this.#offsetOf }),
      needs: objectNeeds(maps.values(), programs.values()),
    });
  }

  #section(name: string): ElfSection | undefined {
    return this.#elf.sections.find((section) => section.name === name);
  }

  readonly #offsetOf = (section: string, variable: string): number | undefined =>
    this.#symbols.get(section)?.get(variable)?.value;

  /** Names of the maps by their offset in `.maps`. */
  #mapDefinitions(): Map<number, string> {
    const definitions = new Map<number, string>();
    for (const [name, symbol] of this.#symbols.get(".maps") ?? []) definitions.set(symbol.value, name);
    return definitions;
  }

  #maps(definitions: ReadonlyMap<number, string>): Map<string, MapSpec> {
    const maps = new Map<string, MapSpec>();
    const section = this.#section(".maps");
    if (section === undefined) return maps;
    const btf = this.#btf;
    const described = btf?.find("datasec", ".maps");
    if (btf === undefined || described === undefined) throw corrupt(this.#name, "its maps have no BTF (-g)");
    const relocations = this.#elf.relocations.get(section.index) ?? [];
    const found = described.entries.map(({ type, size }) => {
      const variable = btf.type(type);
      if (variable.kind !== "var") throw corrupt(this.#name, ".maps holds something else than variables");
      const offset = this.#offsetOf(".maps", variable.name);
      if (offset === undefined) throw corrupt(this.#name, `it has no symbol for map ${variable.name}`);
      return { name: variable.name, offset, size, type: variable.type };
    });
    // In the order of the section, as every other part of a spec.
    for (const definition of found.sort((a, b) => a.offset - b.offset)) {
      const spec = readMap(btf, definition, relocations, ({ symbol }) => {
        if (symbol.type === SYMBOL_TYPE.SECTION) return definitions.get(symbol.value) ?? "";
        return symbol.name;
      });
      maps.set(spec.name, spec);
    }
    return maps;
  }

  #programs(
    definitions: ReadonlyMap<number, string>,
    externs: ReadonlyMap<string, ExternSpec>,
  ): Map<string, ProgramSpec> {
    const ext = this.#section(".BTF.ext");
    const info = ext === undefined || this.#btf === undefined ? new Map() : parseBtfExt(this.#btf, ext.data);
    const mapsIndex = this.#section(".maps")?.index;
    const linker = new Linker(this.#elf, info, {
      map: (symbol, addend) => {
        if (symbol.section !== mapsIndex) return undefined;
        const name = definitions.get(symbol.value + addend);
        if (name === undefined) throw corrupt(this.#name, "a reference into the middle of a map definition");
        return name;
      },
      data: (symbol) => {
        const section = this.#elf.sections[symbol.section];
        return section !== undefined && isDataSection(section) ? section.name : undefined;
      },
    });
    const programs = new Map<string, ProgramSpec>();
    for (const section of this.#elf.sections) {
      if (!section.executable || section.name === ".text") continue;
      for (const code of linker.functionsOf(section)) {
        // A static function in the section of a program can only be called, not loaded by itself.
        if (code.symbol.bind === SYMBOL_BIND.LOCAL) continue;
        programs.set(code.symbol.name, this.#program(section, code, linker.link(code), externs));
      }
    }
    return programs;
  }

  #program(
    section: ElfSection,
    code: CodeFunction,
    linked: LinkedCode,
    externs: ReadonlyMap<string, ExternSpec>,
  ): ProgramSpec {
    const autoload = !section.name.startsWith("?");
    const name = autoload ? section.name : section.name.slice(1);
    const kind = sectionKind(name);
    if (kind === undefined) {
      throw new BpfError("ERR_UNSUPPORTED", `${this.#name} has a program in section ${section.name}`, {
        object: this.#name,
        feature: `section ${name}`,
      });
    }
    const named = (...kinds: string[]): string[] => [
      ...new Set(linked.relocations.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name)),
    ];
    return {
      name: code.symbol.name,
      section: name,
      type: kind.type,
      ...(kind.attachType === undefined ? {} : { attachType: kind.attachType }),
      flags: kind.flags ?? 0,
      autoload,
      ...linked,
      maps: named("map", "data"),
      kfuncs: named("call"),
      needs: programNeeds(kind, linked, externs),
    };
  }

  #externs(): Map<string, ExternSpec> {
    const externs = new Map<string, ExternSpec>();
    for (const symbol of this.#elf.symbols) {
      if (symbol.section !== SHN_UNDEF || symbol.name === "") continue;
      const kind = this.#btf?.find("func", symbol.name) === undefined ? "var" : "func";
      externs.set(symbol.name, { name: symbol.name, kind, weak: symbol.bind === SYMBOL_BIND.WEAK });
    }
    return externs;
  }
}
