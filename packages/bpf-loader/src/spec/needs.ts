import { OPCODE } from "../abi.ts";
import type { LinkedCode } from "./linker.ts";
import type { SectionKind } from "./sections.ts";
import type { ExternSpec, MapSpec, ProgramSpec } from "./types.ts";

/** Kernel features of one program, by the names of {@link Features.has}. */
export function programNeeds(
  { type, attachType }: SectionKind,
  { instructions, coreRelocations, relocations }: LinkedCode,
  externs: ReadonlyMap<string, ExternSpec>,
): string[] {
  const needs = new Set([`program:${type}`]);
  if (attachType?.startsWith("tcx_") === true) needs.add("tcx");
  if (coreRelocations.byteLength > 0) needs.add("core");
  for (const { kind, name } of relocations) {
    if (kind === "call" && externs.get(name)?.weak !== true) needs.add(`kfunc:${name}`);
  }
  for (const id of helpersOf(instructions)) needs.add(`helper:${id}`);
  return [...needs].sort();
}

/** Those of a whole object. */
export function objectNeeds(maps: Iterable<MapSpec>, programs: Iterable<ProgramSpec>): string[] {
  const needs = new Set<string>();
  for (const map of maps) {
    needs.add(`map:${map.type}`);
    if (map.inner !== undefined) needs.add(`map:${map.inner.type}`);
  }
  for (const program of programs) for (const need of program.needs) needs.add(need);
  return [...needs].sort();
}

/** Numbers of the helpers that the code calls. */
function helpersOf(code: Uint8Array): Set<number> {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const helpers = new Set<number>();
  for (let at = 0; at + 8 <= code.byteLength; at += 8) {
    const opcode = view.getUint8(at);
    if (opcode === OPCODE.LD_IMM64) at += 8;
    else if (opcode === OPCODE.CALL && view.getUint8(at + 1) >> 4 === 0)
      helpers.add(view.getInt32(at + 4, true));
  }
  return helpers;
}
