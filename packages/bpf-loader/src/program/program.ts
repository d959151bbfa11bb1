import { programTypeName } from "../abi.ts";
import type { AttachType, ProgramType } from "../abi.ts";
import { BpfError } from "../errors.ts";
import { pinFd, unpin } from "../maps/handle.ts";
import { objectInfo } from "../maps/info.ts";
import { openPin } from "../maps/open.ts";
import { Attr, bpf } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { linuxSys } from "../sys/linux.ts";
import { Memory, textOf } from "../sys/memory.ts";
import type { SysOption } from "../sys/sys.ts";
import type { RunContext, SkbContext } from "./context.ts";
import { testRun } from "./test-run.ts";
import type { RunOptions, RunResult } from "./test-run.ts";

/** What the kernel says about a program (`struct bpf_prog_info`). Sizes in bytes. */
export interface ProgramInfo {
  readonly type: ProgramType;
  readonly id: number;
  /** At most 15 characters. */
  readonly name: string;
  /** Hash of the instructions, 16 hexadecimal digits. */
  readonly tag: string;
  /** Size after the verifier's rewriting. */
  readonly translatedSize: number;
  /** Size of the machine code, 0 without a JIT compiler. */
  readonly jitedSize: number;
  /** Instructions the verifier walked to accept it, of one million. */
  readonly verifiedInstructions: number;
  readonly btfId: number;
}

/** Counted while statistics are on: see {@link enableStats}. */
export interface ProgramStats {
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
  /** Runs skipped because the program was running on that CPU already. */
  readonly recursionMisses: bigint;
}

export interface ProgramTraits {
  readonly name: string;
  readonly type: ProgramType;
  readonly attachType?: AttachType | undefined;
  readonly log?: readonly string[] | undefined;
}

/**
 * What a program needs to stay as it is: its maps. A program array empties itself when its last descriptor goes, so
 * whoever keeps only the program, or only its link, keeps these.
 */
export type Keep = object;

const PROGRAM_INFO_SIZE = 232;

/** A loaded program. */
export class Program implements Disposable {
  /** @internal */
  readonly handle: Fd;
  readonly name: string;
  readonly type: ProgramType;
  /** What its section says it attaches to. */
  readonly attachType: AttachType | undefined;
  /** What the verifier said, if {@link LoadOptions.verifierLog} asked. */
  readonly verifierLog: readonly string[];
  #id: number | undefined;
  /** @internal */
  keep: Keep | undefined;

  /** @internal */
  constructor(handle: Fd, traits: ProgramTraits) {
    this.handle = handle;
    this.name = traits.name;
    this.type = traits.type;
    this.attachType = traits.attachType;
    this.verifierLog = traits.log ?? [];
  }

  /** The file descriptor, for system calls of your own. @throws {@link BpfError} `ERR_CLOSED`. */
  get fd(): number {
    return this.handle.number;
  }

  /** The kernel's id of the program, unique until reboot. */
  get id(): number {
    this.#id ??= readInfo(this.handle).view.getUint32(4, true);
    return this.#id;
  }

  get closed(): boolean {
    return this.handle.closed;
  }

  info(): ProgramInfo {
    const { view, bytes } = readInfo(this.handle);
    return {
      type: this.type,
      id: view.getUint32(4, true),
      name: textOf(bytes.subarray(64, 80)),
      tag: view.getBigUint64(8, false).toString(16).padStart(16, "0"),
      translatedSize: view.getUint32(20, true),
      jitedSize: view.getUint32(16, true),
      verifiedInstructions: view.getUint32(216, true),
      btfId: view.getUint32(128, true),
    };
  }

  stats(): ProgramStats {
    const { view } = readInfo(this.handle);
    return {
      runTimeNs: view.getBigUint64(192, true),
      runCount: view.getBigUint64(200, true),
      recursionMisses: view.getBigUint64(208, true),
    };
  }

  /**
   * Runs the program on a packet or context of your own, without attaching it (BPF_PROG_TEST_RUN). It is the real
   * program: its effects on maps are real. Synchronous; inside `netns.run` it sees that namespace.
   *
   * The type argument follows the program type: `SkbContext` for tc and cgroup skb, `XdpContext` for XDP,
   * `Uint8Array` for `syscall`.
   *
   * @throws {@link BpfError} `ERR_UNSUPPORTED` for program types the kernel cannot run; `ERR_SYSCALL`.
   */
  run<C extends RunContext = SkbContext>(options: RunOptions<C> = {}): RunResult<C> {
    return testRun(this.handle, this.type, options) as RunResult<C>;
  }

  /** Pins the program at a path on a bpf file system. */
  pin(path: string): void {
    pinFd(this.handle, path);
  }

  /** Removes a pin. A path where nothing is pinned is not an error. */
  unpin(path: string): void {
    unpin(path);
  }

  /** Closes the descriptor; links and pins keep the program itself alive. */
  close(): void {
    this.handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function readInfo(fd: Fd): Memory {
  const memory = new Memory(fd.sys, PROGRAM_INFO_SIZE);
  objectInfo(fd, memory, PROGRAM_INFO_SIZE);
  return memory;
}

/**
 * Opens a pinned program.
 *
 * @throws {@link BpfError} `ERR_SYSCALL` (ENOENT if nothing is pinned there); `ERR_UNSUPPORTED` for a program type
 * this package does not know.
 */
export function openPinnedProgram(path: string, options: SysOption = {}): Program {
  return adopt(openPin(options.sys ?? linuxSys(), path, `program ${path}`));
}

/** Opens a program by its id. Needs CAP_SYS_ADMIN. @throws as {@link openPinnedProgram}. */
export function openProgramById(id: number, options: SysOption = {}): Program {
  const { sys = linuxSys() } = options;
  const what = `program ${id}`;
  return adopt(new Fd(sys, bpf("BPF_PROG_GET_FD_BY_ID", new Attr(sys, 16).u32(0, id), what), what));
}

function adopt(fd: Fd): Program {
  try {
    const { view, bytes } = readInfo(fd);
    const number = view.getUint32(0, true);
    const type = programTypeName(number);
    if (type === undefined) {
      throw new BpfError("ERR_UNSUPPORTED", `${fd.what} has type ${number}`, {
        feature: `program type ${number}`,
      });
    }
    return new Program(fd, { name: textOf(bytes.subarray(64, 80)), type });
  } catch (error) {
    fd.close();
    throw error;
  }
}

/**
 * Counts runs and their time, for all programs of the machine, until disposed (kernel 5.8). Costs each run tens of
 * nanoseconds. Needs CAP_SYS_ADMIN.
 */
export function enableStats(options: SysOption = {}): Disposable {
  const { sys = linuxSys() } = options;
  const fd = new Fd(sys, bpf("BPF_ENABLE_STATS", new Attr(sys, 4).u32(0, 0)), "statistics");
  return { [Symbol.dispose]: () => fd.close() };
}
