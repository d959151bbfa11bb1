import { INSTRUCTION_SIZE, OPCODE, PSEUDO } from "../abi.ts";
import type { SectionInfo, ExtRecord } from "../btf/ext.ts";
import { corrupt } from "../elf/reader.ts";
import { SHN_UNDEF, SYMBOL_TYPE } from "../elf/elf.ts";
import type { Elf, ElfRelocation, ElfSection, ElfSymbol } from "../elf/elf.ts";
import type { Relocation } from "./types.ts";

/** BPF_COMPLEXITY_LIMIT_INSNS: the kernel refuses more. */
const MAX_INSTRUCTIONS = 1_000_000;

/** A function in a code section; positions count instructions. */
export interface CodeFunction {
  readonly symbol: ElfSymbol;
  readonly section: ElfSection;
  readonly start: number;
  readonly count: number;
}

/** Code of a program with everything it calls, and what is left to fill in. */
export interface LinkedCode {
  readonly instructions: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly functionInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
  readonly coreRelocations: Uint8Array;
}

/** Tells the linker what a symbol outside the code stands for. */
export interface SymbolResolver {
  /** Name of the map at that offset of the `.maps` section, if the symbol lies there. */
  map(symbol: ElfSymbol, addend: number): string | undefined;
  /** Name of the data section the symbol lies in. */
  data(symbol: ElfSymbol): string | undefined;
}

/** Links programs of one object: pure, from sections to instructions. */
export class Linker {
  readonly #elf: Elf;
  readonly #info: ReadonlyMap<string, SectionInfo>;
  readonly #resolver: SymbolResolver;
  readonly #functions = new Map<number, CodeFunction[]>();

  constructor(elf: Elf, info: ReadonlyMap<string, SectionInfo>, resolver: SymbolResolver) {
    this.#elf = elf;
    this.#info = info;
    this.#resolver = resolver;
    for (const symbol of elf.symbols) {
      const section = elf.sections[symbol.section];
      if (symbol.type !== SYMBOL_TYPE.FUNC || section === undefined || !section.executable) continue;
      this.#addFunction(symbol, section);
    }
    for (const list of this.#functions.values()) list.sort((a, b) => a.start - b.start);
  }

  /** Functions of a section in the order of their code. */
  functionsOf(section: ElfSection): readonly CodeFunction[] {
    return this.#functions.get(section.index) ?? [];
  }

  link(entry: CodeFunction): LinkedCode {
    return new Linking(this, this.#elf, this.#resolver, entry).finish((section) => this.#info.get(section));
  }

  /** The function whose first instruction is at `position`. */
  functionAt(sectionIndex: number, position: number): CodeFunction {
    const found = this.#functions.get(sectionIndex)?.find((candidate) => candidate.start === position);
    if (found === undefined) throw corrupt(this.#elf.name, "a call into the middle of a function");
    return found;
  }

  #addFunction(symbol: ElfSymbol, section: ElfSection): void {
    const { value, size } = symbol;
    if (value % INSTRUCTION_SIZE !== 0 || size % INSTRUCTION_SIZE !== 0 || size === 0) {
      throw corrupt(this.#elf.name, `function ${symbol.name} is not made of instructions`);
    }
    if (value + size > section.data.byteLength) {
      throw corrupt(this.#elf.name, `function ${symbol.name} leaves its section`);
    }
    const list = this.#functions.get(section.index) ?? [];
    list.push({ symbol, section, start: value / INSTRUCTION_SIZE, count: size / INSTRUCTION_SIZE });
    this.#functions.set(section.index, list);
  }
}

interface Reference {
  /** Instruction in the linked code that refers to a function. */
  readonly at: number;
  readonly target: CodeFunction;
}

/** The state of linking one program: functions are appended as they are found, references filled in at the end. */
class Linking {
  readonly #linker: Linker;
  readonly #elf: Elf;
  readonly #resolver: SymbolResolver;
  readonly #placed = new Map<CodeFunction, number>();
  readonly #references: Reference[] = [];
  readonly #relocations: Relocation[] = [];
  readonly #code: Uint8Array;
  readonly #view: DataView;

  constructor(linker: Linker, elf: Elf, resolver: SymbolResolver, entry: CodeFunction) {
    this.#linker = linker;
    this.#elf = elf;
    this.#resolver = resolver;
    const chunks: Uint8Array[] = [];
    let next = 0;
    const queue = [entry];
    this.#placed.set(entry, 0);
    for (const code of queue) {
      const start = next;
      this.#placed.set(code, start);
      next += code.count;
      if (next > MAX_INSTRUCTIONS) throw corrupt(elf.name, `${entry.symbol.name} is too long`);
      const from = code.start * INSTRUCTION_SIZE;
      const chunk = code.section.data.slice(from, from + code.count * INSTRUCTION_SIZE);
      chunks.push(chunk);
      for (const reference of this.#scan(code, chunk, start)) {
        this.#references.push(reference);
        if (this.#placed.has(reference.target)) continue;
        this.#placed.set(reference.target, -1);
        queue.push(reference.target);
      }
    }
    this.#code = new Uint8Array(next * INSTRUCTION_SIZE);
    this.#view = new DataView(this.#code.buffer);
    let offset = 0;
    for (const chunk of chunks) {
      this.#code.set(chunk, offset);
      offset += chunk.byteLength;
    }
  }

  finish(info: (section: string) => SectionInfo | undefined): LinkedCode {
    for (const { at, target } of this.#references) {
      this.#view.setInt32(at * INSTRUCTION_SIZE + 4, (this.#placed.get(target) ?? 0) - at - 1, true);
    }
    const placed = [...this.#placed];
    const collect = (field: keyof SectionInfo): readonly PlacedRecord[] =>
      placed.flatMap(([code, start]) => place(code, start, info(code.section.name)?.[field] ?? []));
    const functions = collect("functions");
    const lines = collect("lines");
    // The kernel wants all or nothing: a record at the start of every function (check_btf_func, check_btf_line).
    const covers = (records: readonly PlacedRecord[]): boolean => {
      const starts = new Set(records.map((record) => record.at));
      return placed.every(([, start]) => starts.has(start));
    };
    const functionsOnly = functions.filter((record) => placed.some(([, start]) => start === record.at));
    return {
      instructions: this.#code,
      relocations: this.#relocations,
      functionInfo: covers(functions) ? pack(functionsOnly, 2, 1) : new Uint8Array(0),
      lineInfo: covers(functions) && covers(lines) ? pack(lines, 4, 1) : new Uint8Array(0),
      // Unlike the two above, these count bytes (`bpf_core_relo.insn_off`).
      coreRelocations: pack(collect("relocations"), 4, INSTRUCTION_SIZE),
    };
  }

  /** Finds what a function refers to; rewrites the registers and immediates in `chunk` that say what kind it is. */
  #scan(code: CodeFunction, chunk: Uint8Array, start: number): Reference[] {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const relocations = this.#relocationsOf(code);
    const found: Reference[] = [];
    for (let index = 0; index < code.count; index++) {
      const at = index * INSTRUCTION_SIZE;
      const opcode = view.getUint8(at);
      const relocation = relocations.get(index);
      relocations.delete(index);
      if (opcode === OPCODE.LD_IMM64) {
        if (index + 1 >= code.count)
          throw corrupt(this.#elf.name, "half an instruction at the end of a function");
        const target = relocation && this.#loadAddress(view, at, start + index, relocation);
        if (target !== undefined) found.push({ at: start + index, target });
        index++;
      } else if (opcode === OPCODE.CALL) {
        const target = this.#call(view, at, start + index, code.start + index, code, relocation);
        if (target !== undefined) found.push({ at: start + index, target });
      } else if (relocation !== undefined) {
        throw corrupt(this.#elf.name, `a relocation against instruction ${index} of ${code.symbol.name}`);
      }
    }
    if (relocations.size > 0) throw corrupt(this.#elf.name, `odd relocations in ${code.symbol.name}`);
    return found;
  }

  #relocationsOf(code: CodeFunction): Map<number, ElfRelocation> {
    const from = code.start * INSTRUCTION_SIZE;
    const to = from + code.count * INSTRUCTION_SIZE;
    const result = new Map<number, ElfRelocation>();
    for (const relocation of this.#elf.relocations.get(code.section.index) ?? []) {
      if (relocation.offset < from || relocation.offset >= to) continue;
      result.set((relocation.offset - from) / INSTRUCTION_SIZE, relocation);
    }
    return result;
  }

  /** A 64-bit load of the address of a map, a variable, a callback or a kernel symbol. */
  #loadAddress(
    view: DataView,
    at: number,
    index: number,
    { symbol }: ElfRelocation,
  ): CodeFunction | undefined {
    const addend = view.getInt32(at + 4, true);
    const section = this.#elf.sections[symbol.section];
    if (symbol.section === SHN_UNDEF) {
      this.#relocations.push({ at: index, kind: "address", name: symbol.name });
      return undefined;
    }
    if (section?.executable === true) {
      setSource(view, at, PSEUDO.FUNC);
      return this.#linker.functionAt(symbol.section, (symbol.value + addend) / INSTRUCTION_SIZE);
    }
    const map = this.#resolver.map(symbol, addend);
    if (map !== undefined) {
      setSource(view, at, PSEUDO.MAP_FD);
      this.#relocations.push({ at: index, kind: "map", name: map });
      return undefined;
    }
    const data = this.#resolver.data(symbol);
    if (data === undefined)
      throw corrupt(this.#elf.name, `an address in section ${section?.name ?? symbol.section}`);
    setSource(view, at, PSEUDO.MAP_VALUE);
    view.setInt32(at + INSTRUCTION_SIZE + 4, symbol.value + addend, true);
    this.#relocations.push({ at: index, kind: "data", name: data });
    return undefined;
  }

  /** A call of a helper (nothing to do), of a function in this object, or of one in the kernel. */
  #call(
    view: DataView,
    at: number,
    index: number,
    position: number,
    code: CodeFunction,
    relocation: ElfRelocation | undefined,
  ): CodeFunction | undefined {
    const source = view.getUint8(at + 1) >> 4;
    const immediate = view.getInt32(at + 4, true);
    if (relocation === undefined) {
      if (source !== PSEUDO.CALL) return undefined;
      return this.#linker.functionAt(code.section.index, position + immediate + 1);
    }
    const { symbol } = relocation;
    if (symbol.section === SHN_UNDEF) {
      this.#relocations.push({ at: index, kind: "call", name: symbol.name });
      return undefined;
    }
    setSource(view, at, PSEUDO.CALL);
    // -1 for a named function; for a section symbol the position in it, less one.
    return this.#linker.functionAt(symbol.section, symbol.value / INSTRUCTION_SIZE + immediate + 1);
  }
}

function setSource(view: DataView, at: number, source: number): void {
  view.setUint8(at + 1, (view.getUint8(at + 1) & 0x0f) | (source << 4));
}

interface PlacedRecord {
  /** Instruction in the linked code. */
  readonly at: number;
  /** As it was read: its first word, where it was, no longer counts. */
  readonly record: ExtRecord;
}

function place(code: CodeFunction, start: number, records: readonly ExtRecord[]): PlacedRecord[] {
  const placed: PlacedRecord[] = [];
  for (const record of records) {
    const index = record[0]! / INSTRUCTION_SIZE - code.start;
    if (index >= 0 && index < code.count) placed.push({ at: start + index, record });
  }
  return placed;
}

function pack(records: readonly PlacedRecord[], words: number, unit: number): Uint8Array {
  const result = new Uint32Array(records.length * words);
  for (const [index, { at, record }] of records.entries()) {
    result[index * words] = at * unit;
    for (let word = 1; word < words; word++) result[index * words + word] = record[word]!;
  }
  return new Uint8Array(result.buffer);
}
