import type { AttachType, MapType, ProgramType } from "../abi.ts";
import type { Btf } from "../btf/btf.ts";

export type Pinning = "none" | "by-name";

/** What a map is to be: from an object file, or written by hand for {@link createMap}. */
export interface MapSpec {
  readonly name: string;
  readonly type: MapType;
  /** Bytes; 0 for a ring buffer. */
  readonly keySize: number;
  /** Bytes of one value (of one CPU); 4 for a map of maps or programs. */
  readonly valueSize: number;
  /** Elements; bytes for a ring buffer. */
  readonly maxEntries: number;
  /** `BPF_F_*` flags of BPF_MAP_CREATE, see {@link MAP_FLAG}. @defaultValue 0 */
  readonly flags?: number;
  /** @defaultValue "none" */
  readonly pinning?: Pinning;
  /** Node to allocate on, if `flags` has `NUMA_NODE`. */
  readonly numaNode?: number;
  /** `map_extra` of BPF_MAP_CREATE. @defaultValue 0 */
  readonly extra?: bigint;
  /** BTF ids of key and value in the object; 0 if it does not say. */
  readonly keyType?: number;
  readonly valueType?: number;
  /** Template of the maps that a map of maps may hold. */
  readonly inner?: MapSpec;
  /** What the slots of a map of maps or programs hold at first: names in the same object. */
  readonly initial?: readonly InitialSlot[];
}

export interface InitialSlot {
  readonly index: number;
  readonly name: string;
}

/** An instruction that needs a number only known at load time. */
export interface Relocation {
  /** Index of the instruction in the linked program. */
  readonly at: number;
  /**
   * `map`: the descriptor of a map. `data`: the descriptor of the map behind a data section; the instruction already
   * holds the offset. `call`: a kernel function. `address`: the address of a kernel function or variable.
   */
  readonly kind: "map" | "data" | "call" | "address";
  /** Name of the map, data section or kernel symbol. */
  readonly name: string;
}

/** A program as the kernel will get it: its own code and every function it reaches, linked. */
export interface ProgramSpec {
  readonly name: string;
  /** ELF section, e.g. `tcx/ingress`. */
  readonly section: string;
  readonly type: ProgramType;
  /** What it attaches to, where the section says so. */
  readonly attachType?: AttachType;
  /** `BPF_F_*` flags of BPF_PROG_LOAD. */
  readonly flags: number;
  /** Loaded when {@link LoadOptions.only} is absent; false for a section that starts with `?`. */
  readonly autoload: boolean;
  /** 8 bytes each. */
  readonly instructions: Uint8Array;
  readonly relocations: readonly Relocation[];
  /** Names of the maps it uses, data sections included. */
  readonly maps: readonly string[];
  /** Names of the kernel functions it calls. */
  readonly kfuncs: readonly string[];
  /** Kernel features it relies on, by the names of {@link Features.has}. */
  readonly needs: readonly string[];
  /** Records as BPF_PROG_LOAD takes them: 8, 16 and 16 bytes each. */
  readonly functionInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
  readonly coreRelocations: Uint8Array;
}

/** `.rodata`, `.data` or `.bss`: one array map with one element. */
export interface DataSpec {
  /** Section name. */
  readonly name: string;
  /** Name of the map, as libbpf would choose it: `object.rodata`. */
  readonly map: string;
  readonly kind: "config" | "vars";
  readonly contents: Uint8Array;
  /** BTF id of the section, 0 if it has none. */
  readonly type: number;
}

/** A global variable of the C source. */
export interface VariableSpec {
  readonly name: string;
  /** The data section that holds it. */
  readonly section: string;
  readonly offset: number;
  readonly size: number;
  /** BTF id of its type. */
  readonly type: number;
}

/** A kernel symbol the object declares with `__ksym`. */
export interface ExternSpec {
  readonly name: string;
  readonly kind: "func" | "var";
  /** May be missing in the kernel; calls to it are then unreachable code. */
  readonly weak: boolean;
}

/** A value for a global: by its BTF type (see {@link btfCodec}), or its exact bytes. */
export type VariableValue = number | bigint | boolean | Uint8Array | readonly unknown[] | object;

export interface SpecChanges {
  /** Values for `const volatile` globals. */
  readonly config?: Readonly<Record<string, VariableValue>>;
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Changes to the template of maps of maps, by the name of the outer map. */
  readonly innerMaps?: Readonly<Record<string, Partial<MapSpec>>>;
}

/** What an object file holds: plain data, made and inspected without a kernel or privileges. Never changes. */
export interface ObjectSpec {
  readonly name: string;
  readonly license: string;
  readonly maps: ReadonlyMap<string, MapSpec>;
  readonly programs: ReadonlyMap<string, ProgramSpec>;
  /** `const volatile` globals: set with {@link ObjectSpec.with} before loading, constants for the verifier. */
  readonly config: ReadonlyMap<string, VariableSpec>;
  /** Other globals: live, see {@link Collection.variable}. */
  readonly vars: ReadonlyMap<string, VariableSpec>;
  readonly data: ReadonlyMap<string, DataSpec>;
  readonly externs: ReadonlyMap<string, ExternSpec>;
  readonly btf: Btf | undefined;
  /** The BTF as the kernel accepts it. */
  readonly loadableBtf: Uint8Array | undefined;
  /** Kernel features it relies on, by the names of {@link Features.has}. */
  readonly needs: readonly string[];
  /** The value of a config or other variable as the object has it, decoded by its BTF. */
  initial(variable: string): unknown;
  /**
   * A changed copy.
   *
   * @throws TypeError for a name the object does not have; RangeError for a value that does not fit.
   */
  with(changes: SpecChanges): ObjectSpec;
}
