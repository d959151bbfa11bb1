import { ATTACH_TYPES, PROGRAM_TYPES } from "../abi.ts";
import { ERRNO } from "../errors.ts";
import type { BpfError } from "../errors.ts";
import type { Feature } from "../features.ts";
import { featuresOf } from "../features.ts";
import { Program } from "../program/program.ts";
import type { ObjectSpec, ProgramSpec } from "../spec/types.ts";
import { Attr, syscallError, tryBpfAsync } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { Memory } from "../sys/memory.ts";
import type { Sys } from "../sys/sys.ts";
import { logLines, verifierError } from "./log.ts";

/** How much the verifier says: `on-error` only why it refused, `stats` its effort, `full` every step. */
export type VerifierLog = "on-error" | "stats" | "full";

export interface ProgramLoad {
  readonly sys: Sys;
  readonly spec: ObjectSpec;
  readonly program: ProgramSpec;
  /** With every relocation applied. */
  readonly instructions: Uint8Array;
  readonly btfFd: number | undefined;
  /** BTF descriptors of modules, by the index that instructions use. */
  readonly moduleBtf: readonly number[];
  readonly verifierLog: VerifierLog;
  /** First size of the log buffer in bytes. */
  readonly verifierLogSize: number;
}

const PROG_LOAD_ATTR_SIZE = 144;
const LOG_TRUE_SIZE = 140;
const LOG_LEVEL = { "on-error": 1, full: 2, stats: 4 } as const;
/** Verifier logs of 4 to 16 MB have been seen; beyond this the beginning is not worth having. */
const MAX_LOG_SIZE = 64 * 1024 * 1024;
/** The kernel gives up when a signal arrives during verification; libbpf tries as often. */
const MAX_INTERRUPTIONS = 5;

/**
 * BPF_PROG_LOAD on another thread, for verification can take seconds.
 *
 * @throws {@link VerifierError}; {@link BpfError} `ERR_UNSUPPORTED`, `ERR_PERMISSION`, `ERR_SYSCALL`.
 */
export async function loadProgram(load: ProgramLoad): Promise<Program> {
  const { program, verifierLog } = load;
  // Writing a log slows verification down several times: ask for it only once there is something to explain.
  const quick = verifierLog === "on-error" ? await attempt(load, 0, 0) : undefined;
  if (quick !== undefined && quick.result >= 0) return made(load, quick);
  const told = await withLog(load, LOG_LEVEL[verifierLog]);
  if (told.result >= 0) return made(load, told);
  throw failure(load, told.result, told.log, program);
}

interface Attempt {
  readonly result: number;
  readonly log: readonly string[];
  /** What the log would have needed; 0 if the kernel does not say (before 6.4). */
  readonly trueSize: number;
}

async function withLog(load: ProgramLoad, level: number): Promise<Attempt> {
  for (let size = load.verifierLogSize; ;) {
    const tried = await attempt(load, level, size);
    if (tried.result !== -ERRNO.ENOSPC || size >= MAX_LOG_SIZE) return tried;
    size = Math.min(Math.max(size * 4, tried.trueSize), MAX_LOG_SIZE);
  }
}

async function attempt(load: ProgramLoad, level: number, logSize: number): Promise<Attempt> {
  const { sys, program, spec, btfFd, moduleBtf } = load;
  const log = logSize === 0 ? undefined : new Memory(sys, logSize);
  for (let interruptions = 0; ; interruptions++) {
    const attr = new Attr(sys, PROG_LOAD_ATTR_SIZE)
      .u32(0, PROGRAM_TYPES[program.type])
      .u32(4, load.instructions.byteLength / 8)
      .pointer(8, Memory.of(sys, load.instructions))
      .pointer(16, Memory.text(sys, spec.license))
      .u32(24, level)
      .u32(28, logSize)
      .pointer(32, log)
      .u32(44, program.flags)
      .name(48, program.name)
      .u32(68, expectedAttachType(program));
    if (btfFd !== undefined) describe(attr, program, btfFd);
    if (moduleBtf.length > 0)
      attr.pointer(120, Memory.of(sys, new Uint8Array(new Int32Array([0, ...moduleBtf]).buffer)));
    const result = await tryBpfAsync("BPF_PROG_LOAD", attr);
    if (result === -ERRNO.EAGAIN && interruptions < MAX_INTERRUPTIONS) continue;
    return {
      result,
      log: log === undefined ? [] : logLines(log.bytes),
      trueSize: attr.getU32(LOG_TRUE_SIZE),
    };
  }
}

/** tcx takes programs whatever they expect, and kernels without tcx refuse its numbers. */
function expectedAttachType({ type, attachType }: ProgramSpec): number {
  return attachType === undefined || type === "sched_cls" ? 0 : ATTACH_TYPES[attachType];
}

/** Function, line and CO-RE records: where the kernel takes names, source lines and field offsets from. */
function describe(attr: Attr, program: ProgramSpec, btfFd: number): void {
  const { functionInfo, lineInfo, coreRelocations } = program;
  const { sys } = attr;
  if (functionInfo.byteLength > 0) {
    attr
      .u32(72, btfFd)
      .u32(76, 8)
      .pointer(80, Memory.of(sys, functionInfo))
      .u32(88, functionInfo.byteLength / 8);
  }
  if (lineInfo.byteLength > 0) {
    attr
      .u32(72, btfFd)
      .u32(92, 16)
      .pointer(96, Memory.of(sys, lineInfo))
      .u32(104, lineInfo.byteLength / 16);
  }
  if (coreRelocations.byteLength > 0) {
    attr.u32(72, btfFd).u32(116, coreRelocations.byteLength / 16);
    attr.pointer(128, Memory.of(sys, coreRelocations)).u32(136, 16);
  }
}

function made({ sys, program }: ProgramLoad, { result, log }: Attempt): Program {
  const { name, type, attachType } = program;
  return new Program(new Fd(sys, result, `program ${name}`), { name, type, attachType, log });
}

function failure(
  { sys, spec }: ProgramLoad,
  result: number,
  log: readonly string[],
  program: ProgramSpec,
): BpfError {
  const object = `program ${program.name}`;
  if (log.length === 0 && result === -ERRNO.EPERM)
    return syscallError("BPF_PROG_LOAD", ERRNO.EPERM, { object });
  const cause =
    log.length === 0
      ? syscallError("BPF_PROG_LOAD", -result, { object })
      : verifierError(program, spec.btf, log, -result);
  // Programs fail in many ways on a kernel that lacks something; the name of what is missing is worth more.
  const missing = featuresOf(sys);
  for (const feature of program.needs as readonly Feature[]) {
    if (!missing.has(feature)) return missing.missing(feature, object, cause);
  }
  return cause;
}
