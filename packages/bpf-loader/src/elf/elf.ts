import { BpfError } from "../errors.ts";
import { Reader, corrupt } from "./reader.ts";

const ELF_MAGIC = 0x464c457f;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const ET_REL = 1;
const EM_BPF = 247;
const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const REL_SIZE = 16;

export const SECTION_TYPE = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const;
const SHF_EXECINSTR = 4;
export const SYMBOL_TYPE = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3 } as const;
export const SYMBOL_BIND = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** Symbol section index of something defined elsewhere (an extern). */
export const SHN_UNDEF = 0;

/** No clang output comes near this; a larger `.bss` is a corrupt header, not a program. */
const MAX_SECTION_SIZE = 64 * 1024 * 1024;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly size: number;
  /** Empty for a section without contents in the file (`.bss`). */
  readonly data: Uint8Array;
  readonly link: number;
  /** For a relocation section: the index of the section it patches. */
  readonly info: number;
  readonly executable: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  readonly bind: number;
  readonly section: number;
  /** Offset in bytes from the start of its section. */
  readonly value: number;
  readonly size: number;
}

export interface ElfRelocation {
  /** Offset in bytes from the start of the patched section. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface Elf {
  readonly name: string;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** Relocations by the index of the section they patch, sorted by offset. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/**
 * Reads a relocatable ELF file for the BPF machine, as `clang -target bpf -c` writes it.
 *
 * @throws {@link BpfError} `ERR_OBJECT_CORRUPT`; `ERR_UNSUPPORTED` for a big-endian object.
 */
export function parseElf(name: string, bytes: Uint8Array): Elf {
  const file = new Reader(name, bytes);
  checkHeader(file);
  const sections = readSections(file);
  const symbolTable = sections.find((section) => section.type === SECTION_TYPE.SYMTAB);
  const symbols = symbolTable === undefined ? [] : readSymbols(name, sections, symbolTable);
  return { name, sections, symbols, relocations: readRelocations(name, sections, symbols) };
}

function checkHeader(file: Reader): void {
  const name = file.object;
  if (file.length < HEADER_SIZE || file.u32(0) !== ELF_MAGIC) throw corrupt(name, "it is not an ELF file");
  if (file.u8(4) !== ELFCLASS64) throw corrupt(name, "it is not a 64-bit ELF file");
  if (file.u8(5) !== ELFDATA2LSB) {
    throw new BpfError("ERR_UNSUPPORTED", `${name} is big-endian`, {
      object: name,
      feature: "big-endian objects",
      hint: "compile with -target bpfel",
    });
  }
  if (file.u16(16) !== ET_REL || file.u16(18) !== EM_BPF) throw corrupt(name, "it is not a BPF object file");
}

function readSections(file: Reader): ElfSection[] {
  const start = file.u64(40);
  const count = file.u16(60);
  if (count > 0 && file.u16(58) !== SECTION_HEADER_SIZE) throw corrupt(file.object, "odd section headers");
  file.slice(start, count * SECTION_HEADER_SIZE); // refuses a table that is cut
  const names = sectionNames(file, start, count);
  const sections: ElfSection[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * SECTION_HEADER_SIZE;
    const type = file.u32(at + 4);
    const size = index === 0 ? 0 : file.u64(at + 32);
    if (size > MAX_SECTION_SIZE) throw corrupt(file.object, `a section of ${size} bytes`);
    const inFile = type !== SECTION_TYPE.NOBITS && type !== 0;
    sections.push({
      index,
      name: names.text(file.u32(at)),
      type,
      size,
      data: inFile ? file.slice(file.u64(at + 24), size) : new Uint8Array(0),
      link: file.u32(at + 40),
      info: file.u32(at + 44),
      executable: (file.u64(at + 8) & SHF_EXECINSTR) !== 0,
    });
  }
  return sections;
}

function sectionNames(file: Reader, start: number, count: number): Reader {
  const index = file.u16(62);
  if (index >= count) throw corrupt(file.object, "no section names");
  const at = start + index * SECTION_HEADER_SIZE;
  return new Reader(file.object, file.slice(file.u64(at + 24), file.u64(at + 32)));
}

function readSymbols(name: string, sections: readonly ElfSection[], table: ElfSection): ElfSymbol[] {
  const strings = sections[table.link];
  if (strings === undefined) throw corrupt(name, "symbols without names");
  const names = new Reader(name, strings.data);
  const reader = new Reader(name, table.data);
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at + SYMBOL_SIZE <= table.data.byteLength; at += SYMBOL_SIZE) {
    const info = reader.u8(at + 4);
    symbols.push({
      name: names.text(reader.u32(at)),
      type: info & 0xf,
      bind: info >> 4,
      section: reader.u16(at + 6),
      value: reader.u64(at + 8),
      size: reader.u64(at + 16),
    });
  }
  return symbols;
}

function readRelocations(
  name: string,
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const bySection = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type === SECTION_TYPE.RELA) throw corrupt(name, "relocations with addends");
    if (section.type !== SECTION_TYPE.REL) continue;
    const reader = new Reader(name, section.data);
    const list = bySection.get(section.info) ?? [];
    for (let at = 0; at + REL_SIZE <= section.data.byteLength; at += REL_SIZE) {
      const symbol = symbols[reader.u32(at + 12)];
      if (symbol === undefined) throw corrupt(name, "a relocation without a symbol");
      list.push({ offset: reader.u64(at), type: reader.u32(at + 8), symbol });
    }
    bySection.set(section.info, list);
  }
  for (const list of bySection.values()) list.sort((a, b) => a.offset - b.offset);
  return bySection;
}
