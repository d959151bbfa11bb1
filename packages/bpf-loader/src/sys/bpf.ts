import { readFileSync } from "node:fs";
import { COMMAND, OBJECT_NAME_LENGTH } from "../abi.ts";
import type { Command } from "../abi.ts";
import { BpfError, ERRNO, errnoName } from "../errors.ts";
import { Memory } from "./memory.ts";
import type { Sys } from "./sys.ts";

/**
 * The argument of one bpf(2) command (`union bpf_attr`). Every command requires the bytes after its last field to be
 * zero, so the size is exact. Keeps the memory it points to alive.
 */
export class Attr {
  readonly sys: Sys;
  readonly size: number;
  readonly #memory: Memory;
  readonly #kept: Memory[] = [];

  constructor(sys: Sys, size: number) {
    this.sys = sys;
    this.size = size;
    this.#memory = new Memory(sys, size);
  }

  get address(): number {
    return this.#memory.address;
  }

  u32(offset: number, value: number): this {
    this.#memory.view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint | number): this {
    this.#memory.view.setBigUint64(offset, BigInt(value), true);
    return this;
  }

  /** Stores the address of `memory`; undefined stores a null pointer. */
  pointer(offset: number, memory: Memory | undefined): this {
    if (memory !== undefined) this.#kept.push(memory);
    return this.u64(offset, memory?.address ?? 0);
  }

  name(offset: number, name: string): this {
    // The kernel takes letters, digits, '_' and '.' and refuses the rest with EINVAL (bpf_obj_name_cpy).
    const safe = name.replaceAll(/[^A-Za-z0-9_.]/g, "_").slice(0, OBJECT_NAME_LENGTH);
    this.#memory.bytes.set(new TextEncoder().encode(safe), offset);
    return this;
  }

  /**
   * Called after the command: until here the attribute and what it points to are in use, which an optimising
   * compiler would otherwise not know.
   */
  release(): void {
    this.#kept.length = 0;
  }

  getU32(offset: number): number {
    return this.#memory.view.getUint32(offset, true);
  }

  getU64(offset: number): bigint {
    return this.#memory.view.getBigUint64(offset, true);
  }
}

/** Runs a command. The result, or a negative errno. */
export function tryBpf(command: Command, attr: Attr): number {
  const result = attr.sys.bpf(COMMAND[command], attr.address, attr.size);
  attr.release();
  return result;
}

/** Runs a command. @throws {@link BpfError} `ERR_SYSCALL` or `ERR_PERMISSION`. */
export function bpf(command: Command, attr: Attr, object?: string): number {
  const result = tryBpf(command, attr);
  if (result < 0) throw syscallError(command, -result, { object });
  return result;
}

/** Runs a command on another thread; the attribute and what it points to live until it is done. */
export async function tryBpfAsync(command: Command, attr: Attr): Promise<number> {
  const result = await attr.sys.bpfAsync(COMMAND[command], attr.address, attr.size);
  attr.release();
  return result;
}

export interface SyscallDetail {
  readonly object?: string | undefined;
  readonly hint?: string | undefined;
}

/** The error for a failed call: EPERM becomes `ERR_PERMISSION` and names the capability. */
export function syscallError(op: string, errno: number, detail: SyscallDetail = {}): BpfError {
  const of = detail.object === undefined ? "" : ` of ${detail.object}`;
  const options = { op, errno, ...(detail.object === undefined ? {} : { object: detail.object }) };
  if (errno === ERRNO.EPERM) {
    const hint = detail.hint ?? missingCapabilities(op);
    return new BpfError("ERR_PERMISSION", `${op}${of} is not permitted`, { ...options, hint });
  }
  const hint = detail.hint ?? HINTS[`${op} ${errnoName(errno)}`];
  const more = hint === undefined ? options : { ...options, hint };
  return new BpfError("ERR_SYSCALL", `${op}${of} failed with ${errnoName(errno)}`, more);
}

const HINTS: Readonly<Record<string, string>> = {
  "BPF_OBJ_GET ENOENT": "nothing is pinned there",
  "BPF_LINK_CREATE ENODEV": "there is no such interface in this network namespace",
  "BPF_LINK_CREATE EBUSY": "the hook is taken by a program that was attached another way",
  "BPF_LINK_CREATE ESTALE": "the order of programs changed meanwhile: query again",
};

const CAPABILITY_BITS = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const;

type Capability = keyof typeof CAPABILITY_BITS;

/** What a call needs (capabilities(7)); CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON. */
function neededCapabilities(op: string): readonly Capability[] {
  if (op === "mount" || op === "umount2" || op.endsWith("_BY_ID") || op.endsWith("_NEXT_ID")) {
    return ["CAP_SYS_ADMIN"];
  }
  if (op === "BPF_PROG_LOAD") return ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"];
  if (op === "BPF_LINK_CREATE" || op === "BPF_LINK_UPDATE" || op === "BPF_PROG_QUERY")
    return ["CAP_NET_ADMIN"];
  return ["CAP_BPF"];
}

function missingCapabilities(op: string): string {
  const needed = neededCapabilities(op);
  const held = effectiveCapabilities();
  const has = (name: Capability): boolean => ((held >> BigInt(CAPABILITY_BITS[name])) & 1n) === 1n;
  const missing = needed.filter((name) => !has(name) && (name === "CAP_NET_ADMIN" || !has("CAP_SYS_ADMIN")));
  if (missing.length > 0) return `it needs ${missing.join(" and ")}`;
  return `the process holds ${needed.join(" and ")}, so a security module, a container's seccomp profile or a \
frozen object forbids it`;
}

function effectiveCapabilities(): bigint {
  try {
    const status = readFileSync("/proc/thread-self/status", "latin1");
    return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  } catch {
    return 0n;
  }
}
