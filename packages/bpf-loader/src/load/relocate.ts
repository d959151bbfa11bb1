import { INSTRUCTION_SIZE, PSEUDO } from "../abi.ts";
import { findKernelSymbol } from "../btf/kernel.ts";
import type { KernelSymbol } from "../btf/kernel.ts";
import { featuresOf } from "../features.ts";
import type { ExternSpec, ProgramSpec, Relocation } from "../spec/types.ts";
import { corrupt } from "../elf/reader.ts";
import type { Sys } from "../sys/sys.ts";

/** A helper number that no kernel has. The verifier never sees the call: the code around it tests for the symbol. */
const POISON = 2_002_000_000;

/** Where the numbers for a program come from. */
export interface Targets {
  readonly sys: Sys;
  readonly object: string;
  readonly externs: ReadonlyMap<string, ExternSpec>;
  /** Descriptor of a map, by name. */
  mapFd(name: string): number;
  /** Descriptor of the map behind a data section. */
  dataFd(section: string): number;
  /** A module's BTF: its descriptor, and its index in the array of descriptors, from 1. */
  moduleBtf(module: string): { readonly index: number; readonly fd: number };
}

/** The code with every descriptor and kernel symbol filled in. @throws {@link BpfError} `ERR_UNSUPPORTED`. */
export function relocate(program: ProgramSpec, targets: Targets): Uint8Array {
  const code = program.instructions.slice();
  const view = new DataView(code.buffer);
  for (const relocation of program.relocations) {
    const at = relocation.at * INSTRUCTION_SIZE;
    switch (relocation.kind) {
      case "map":
        view.setInt32(at + 4, targets.mapFd(relocation.name), true);
        break;
      case "data":
        view.setInt32(at + 4, targets.dataFd(relocation.name), true);
        break;
      case "call":
        fillCall(view, at, relocation, program, targets);
        break;
      default:
        fillAddress(view, at, relocation, program, targets);
    }
  }
  return code;
}

/** Undefined for a weak symbol that this kernel lacks. */
function find(relocation: Relocation, program: ProgramSpec, targets: Targets): KernelSymbol | undefined {
  const extern = targets.externs.get(relocation.name);
  if (extern === undefined) throw corrupt(targets.object, `unknown symbol ${relocation.name}`);
  const symbol = findKernelSymbol(extern.kind, extern.name);
  if (symbol === undefined && !extern.weak) {
    throw featuresOf(targets.sys).missing(`kfunc:${extern.name}`, `program ${program.name}`);
  }
  return symbol;
}

function fillCall(
  view: DataView,
  at: number,
  relocation: Relocation,
  program: ProgramSpec,
  targets: Targets,
): void {
  const symbol = find(relocation, program, targets);
  const source = symbol === undefined ? 0 : PSEUDO.KFUNC_CALL;
  view.setUint8(at + 1, source << 4);
  view.setInt16(at + 2, isInModule(symbol) ? targets.moduleBtf(symbol.module).index : 0, true);
  view.setInt32(at + 4, symbol?.id ?? POISON, true);
}

function fillAddress(
  view: DataView,
  at: number,
  relocation: Relocation,
  program: ProgramSpec,
  targets: Targets,
): void {
  const symbol = find(relocation, program, targets);
  const register = view.getUint8(at + 1) & 0x0f;
  view.setUint8(at + 1, register | ((symbol === undefined ? 0 : PSEUDO.BTF_ID) << 4));
  view.setInt32(at + 4, symbol?.id ?? 0, true);
  // The second half names the BTF: 0 is the kernel's own.
  view.setInt32(
    at + INSTRUCTION_SIZE + 4,
    isInModule(symbol) ? targets.moduleBtf(symbol.module).fd : 0,
    true,
  );
}

function isInModule(symbol: KernelSymbol | undefined): symbol is KernelSymbol {
  return symbol !== undefined && symbol.module !== "vmlinux";
}
