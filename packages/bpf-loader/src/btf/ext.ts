import { Reader, corrupt } from "../elf/reader.ts";
import type { Btf } from "./btf.ts";

const BTF_MAGIC = 0xeb9f;

/** One record of `.BTF.ext`: 32-bit words, the first being an offset in bytes from the start of the section. */
export type ExtRecord = readonly number[];

/** The records about one section of code, by kind, in the order of their offsets. */
export interface SectionInfo {
  /** `[offset, type id of the function]` */
  readonly functions: readonly ExtRecord[];
  /** `[offset, file name, line text, line << 10 | column]`; names are offsets into the BTF strings. */
  readonly lines: readonly ExtRecord[];
  /** `[offset, type id, access string, kind]`: what the kernel needs for CO-RE. */
  readonly relocations: readonly ExtRecord[];
}

interface Mutable {
  functions: ExtRecord[];
  lines: ExtRecord[];
  relocations: ExtRecord[];
}

const KINDS = [
  { field: "functions", header: 8, words: 2 },
  { field: "lines", header: 16, words: 4 },
  { field: "relocations", header: 24, words: 4 },
] as const;

/** Reads `.BTF.ext`, by section name. @throws {@link BpfError} `ERR_OBJECT_CORRUPT`. */
export function parseBtfExt(btf: Btf, bytes: Uint8Array): Map<string, SectionInfo> {
  const reader = new Reader(btf.object, bytes);
  if (reader.length < 24 || reader.u16(0) !== BTF_MAGIC)
    throw corrupt(btf.object, "its .BTF.ext has no header");
  const headerLength = reader.u32(4);
  const sections = new Map<string, Mutable>();
  for (const { field, header, words } of KINDS) {
    if (header + 8 > headerLength) continue;
    const length = reader.u32(header + 4);
    if (length === 0) continue;
    const part = new Reader(btf.object, reader.slice(headerLength + reader.u32(header), length));
    readPart(btf, part, words, (section, record) => {
      let info = sections.get(section);
      if (info === undefined) sections.set(section, (info = { functions: [], lines: [], relocations: [] }));
      info[field].push(record);
    });
  }
  for (const info of sections.values()) {
    for (const { field } of KINDS) info[field].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  }
  return sections;
}

function readPart(
  btf: Btf,
  part: Reader,
  words: number,
  add: (section: string, record: ExtRecord) => void,
): void {
  const size = part.u32(0);
  // Newer compilers may append fields; the kernel takes the size it is told, and we tell it the part we know.
  if (size < words * 4 || size % 4 !== 0)
    throw corrupt(btf.object, `its .BTF.ext has records of ${size} bytes`);
  let at = 4;
  while (at < part.length) {
    const section = btf.text(part.u32(at));
    const count = part.u32(at + 4);
    at += 8;
    part.slice(at, count * size); // refuses a count beyond the end before anything is built
    for (let index = 0; index < count; index++, at += size) {
      const record: number[] = [];
      for (let word = 0; word < words; word++) record.push(part.u32(at + word * 4));
      add(section, record);
    }
  }
}
