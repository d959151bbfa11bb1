import { BpfError } from "../errors.ts";
import { corrupt } from "../elf/reader.ts";
import type { Btf } from "./btf.ts";
import { KIND, LINKAGE } from "./types.ts";
import type { BtfDataSection } from "./types.ts";

/** What the ELF file knows and clang left out of the BTF. */
export interface SectionFacts {
  /** Size of the section with that name, or undefined if the file has none. */
  sizeOf(section: string): number | undefined;
  /** Offset of a variable in its section. */
  offsetOf(section: string, variable: string): number | undefined;
}

/**
 * The BTF as the kernel accepts it (`btf_check_all_metas`): data sections get their sizes and the offsets of their
 * variables in order, extern functions become defined ones with named parameters, and `.ksyms` — which has no data —
 * becomes a nameless struct in the same bytes, so that no type changes its id.
 */
export function loadableBtf(btf: Btf, facts: SectionFacts): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(btf.bytes);
  const view = new DataView(bytes.buffer);
  for (const type of btf.types) {
    if (type.kind === "void") continue;
    const at = btf.typesOffset + type.at;
    if (type.kind === "datasec") fixDataSection(btf, type, at, view, facts);
    else if (type.kind === "func" && type.linkage === LINKAGE.EXTERN) {
      view.setUint32(at + 4, (KIND.FUNC << 24) | LINKAGE.GLOBAL, true);
      nameParameters(btf, type.type, view);
    } else if (type.kind === "var" && type.linkage === LINKAGE.EXTERN) {
      view.setUint32(at + 12, LINKAGE.GLOBAL, true);
    }
  }
  return bytes;
}

function fixDataSection(
  btf: Btf,
  section: BtfDataSection,
  at: number,
  view: DataView,
  facts: SectionFacts,
): void {
  if (section.name === ".ksyms") return dissolve(btf, section, at, view);
  if (section.name === ".kconfig") {
    throw new BpfError("ERR_UNSUPPORTED", `${btf.object} uses extern __kconfig variables`, {
      object: btf.object,
      feature: "kconfig externs",
      hint: "pass the value through a const volatile variable and config instead",
    });
  }
  const size = facts.sizeOf(section.name);
  if (size === undefined) throw corrupt(btf.object, `it has no section ${section.name}`);
  view.setUint32(at + 8, size, true);
  const entries = section.entries.map((entry) => {
    const variable = btf.type(entry.type);
    const name = variable.kind === "var" ? variable.name : "";
    const offset = facts.offsetOf(section.name, name);
    if (offset === undefined) throw corrupt(btf.object, `it has no symbol for ${name} in ${section.name}`);
    return { ...entry, offset };
  });
  entries.sort((a, b) => a.offset - b.offset);
  for (const [index, entry] of entries.entries()) {
    const to = at + 12 + index * 12;
    view.setUint32(to, entry.type, true);
    view.setUint32(to + 4, entry.offset, true);
    view.setUint32(to + 8, entry.size, true);
  }
}

/** Entries of a data section and members of a struct are both three words. */
function dissolve(btf: Btf, section: BtfDataSection, at: number, view: DataView): void {
  const filler =
    btf.types.find((type) => type.kind === "int") ?? btf.types.find((type) => type.kind === "ptr");
  if (filler === undefined) throw corrupt(btf.object, "its BTF has externs but no integer type");
  const size = btf.sizeOf(filler.id);
  view.setUint32(at, 0, true);
  view.setUint32(at + 4, (KIND.STRUCT << 24) | section.entries.length, true);
  view.setUint32(at + 8, size * section.entries.length, true);
  for (let index = 0; index < section.entries.length; index++) {
    const to = at + 12 + index * 12;
    view.setUint32(to, 0, true);
    view.setUint32(to + 4, filler.id, true);
    view.setUint32(to + 8, index * size * 8, true);
  }
}

/** clang drops the parameter names of declarations, and the kernel wants one on every defined function. */
function nameParameters(btf: Btf, protoId: number, view: DataView): void {
  const proto = btf.type(protoId);
  if (proto.kind !== "func_proto") throw corrupt(btf.object, "its BTF has a function without a prototype");
  const anyName = view.getUint32(btf.typesOffset + firstNamed(btf), true);
  for (const [index, parameter] of proto.parameters.entries()) {
    // A nameless parameter of type void stands for `...` and stays so.
    if (parameter.name !== "" || parameter.type === 0) continue;
    view.setUint32(btf.typesOffset + proto.at + 12 + index * 8, anyName, true);
  }
}

function firstNamed(btf: Btf): number {
  for (const type of btf.types) {
    if (type.kind === "func" && /^[A-Za-z_]\w*$/.test(type.name)) return type.at;
  }
  throw corrupt(btf.object, "its BTF has no named function");
}
