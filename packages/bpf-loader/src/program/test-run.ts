import type { ProgramType } from "../abi.ts";
import { BpfError, ERRNO } from "../errors.ts";
import { Attr, syscallError, tryBpf } from "../sys/bpf.ts";
import type { Fd } from "../sys/fd.ts";
import { Memory } from "../sys/memory.ts";
import { contextSize, decodeContext, encodeContext } from "./context.ts";
import type { RunContext, SkbContext } from "./context.ts";

export interface RunOptions<C extends RunContext = SkbContext> {
  /** A frame, from the Ethernet header on: at least 14 bytes. @defaultValue 64 zeroes, for programs that take one */
  readonly packet?: Uint8Array;
  /** Fields of the context; all its bytes for a program whose context is bytes. @defaultValue zeroes */
  readonly ctx?: C extends Uint8Array ? Uint8Array : Partial<C>;
  /** @defaultValue 1 */
  readonly repeat?: number;
}

export interface RunResult<C extends RunContext = SkbContext> {
  /** What the program returned, as a signed number: `TC_ACT_*`, `XDP_*`, `TCX_NEXT` is -1. */
  readonly verdict: number;
  /** The frame after the run; empty for programs without packets. */
  readonly packet: Uint8Array;
  readonly ctx: C;
  /** Average time of one run. Whole nanoseconds: repeat to measure. */
  readonly nsPerRun: number;
}

const TEST_RUN_ATTR_SIZE = 80;
/** Room for what a program may put in front of a frame. */
const GROWTH = 1024;

/** BPF_PROG_TEST_RUN. Interface indexes are those of the calling thread's network namespace. */
export function testRun(fd: Fd, type: ProgramType, options: RunOptions<RunContext>): RunResult<RunContext> {
  const structured = contextSize(type);
  const context = contextMemory(fd, type, structured, options);
  const packet = structured === undefined ? undefined : (options.packet ?? new Uint8Array(64));
  const attr = new Attr(fd.sys, TEST_RUN_ATTR_SIZE).u32(0, fd.number);
  let output: Memory | undefined;
  if (packet !== undefined) {
    output = new Memory(fd.sys, packet.byteLength + GROWTH);
    attr.u32(8, packet.byteLength).pointer(16, Memory.of(fd.sys, packet));
    attr.u32(12, output.bytes.byteLength).pointer(24, output);
    attr.u32(32, options.repeat ?? 1);
  }
  if (context !== undefined) {
    attr.u32(40, context.bytes.byteLength).pointer(48, context);
    // A syscall program writes to its input; the kernel refuses an output for it.
    if (structured !== undefined) attr.u32(44, context.bytes.byteLength).pointer(56, context);
  }
  const errno = -tryBpf("BPF_PROG_TEST_RUN", attr);
  if (errno === ERRNO.ENOTSUPP || errno === ERRNO.EOPNOTSUPP) {
    const message = `${fd.what} cannot be run: the kernel has no test runs for ${type} programs`;
    throw new BpfError("ERR_UNSUPPORTED", message, {
      op: "BPF_PROG_TEST_RUN",
      errno,
      feature: `test runs of ${type}`,
    });
  }
  if (errno > 0 && errno !== ERRNO.ENOSPC)
    throw syscallError("BPF_PROG_TEST_RUN", errno, runDetail(fd, errno, packet));
  const size = Math.min(attr.getU32(12), output?.bytes.byteLength ?? 0);
  return {
    verdict: attr.getU32(4) | 0,
    packet: output === undefined ? new Uint8Array(0) : output.bytes.slice(0, size),
    ctx: contextOf(type, structured, context),
    nsPerRun: attr.getU32(36),
  };
}

function contextMemory(
  fd: Fd,
  type: ProgramType,
  structured: number | undefined,
  { ctx, packet }: RunOptions<RunContext>,
): Memory | undefined {
  if (structured === undefined) {
    if (ctx === undefined) return undefined;
    if (!(ctx instanceof Uint8Array)) throw new TypeError(`a ${type} program takes its context as bytes`);
    return Memory.of(fd.sys, ctx);
  }
  if (ctx instanceof Uint8Array) throw new TypeError(`a ${type} program takes its context as fields`);
  const memory = new Memory(fd.sys, structured);
  encodeContext(type, memory.view, ctx ?? {}, packet?.byteLength ?? 64);
  return memory;
}

function contextOf(
  type: ProgramType,
  structured: number | undefined,
  context: Memory | undefined,
): RunContext {
  if (context === undefined) return new Uint8Array(0);
  return structured === undefined ? context.bytes.slice() : decodeContext(type, context.view);
}

function runDetail(fd: Fd, errno: number, packet: Uint8Array | undefined): { object: string; hint?: string } {
  if (errno === ERRNO.ENODEV) {
    return { object: fd.what, hint: "ctx names an interface that this network namespace lacks" };
  }
  if (errno === ERRNO.EINVAL && packet !== undefined && packet.byteLength < 14) {
    return { object: fd.what, hint: "a frame has at least 14 bytes" };
  }
  return { object: fd.what };
}
