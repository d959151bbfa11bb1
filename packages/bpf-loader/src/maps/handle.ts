import { mkdirSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { isBpffs } from "../bpffs.ts";
import { BpfError } from "../errors.ts";
import { Attr, bpf, syscallError, tryBpf } from "../sys/bpf.ts";
import type { Fd } from "../sys/fd.ts";
import { Memory } from "../sys/memory.ts";
import type { MapInfo } from "./info.ts";

/** Pins an object at a path on a bpf file system, so that it outlives the process. Missing directories are made. */
export function pinFd(fd: Fd, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const attr = new Attr(fd.sys, 16).pointer(0, Memory.text(fd.sys, path)).u32(8, fd.number);
  const errno = -tryBpf("BPF_OBJ_PIN", attr);
  if (errno <= 0) return;
  // The kernel says EPERM or EINVAL for both of these, whatever the process may do.
  const hint = !isBpffs(dirname(path))
    ? "the directory is not on a bpf file system: see mountBpffs"
    : basename(path).includes(".")
      ? "names on a bpf file system contain no dot"
      : undefined;
  if (hint === undefined) throw syscallError("BPF_OBJ_PIN", errno, { object: path });
  throw new BpfError("ERR_SYSCALL", `cannot pin ${fd.what} at ${path}`, {
    op: "BPF_OBJ_PIN",
    errno,
    object: path,
    hint,
  });
}

/** What all kinds of maps have in common. Two views of one map share its descriptor. */
export abstract class MapHandle implements Disposable {
  /** @internal */
  readonly handle: Fd;
  readonly #info: MapInfo;

  /** @param info - what the kernel reports about it; sizes of buffers follow from this. */
  constructor(handle: Fd, info: MapInfo) {
    this.handle = handle;
    this.#info = info;
  }

  /** The file descriptor, for system calls of your own. @throws {@link BpfError} `ERR_CLOSED`. */
  get fd(): number {
    return this.handle.number;
  }

  /** The kernel's id of the map, unique until reboot. */
  get id(): number {
    return this.#info.id;
  }

  get name(): string {
    return this.#info.name;
  }

  get closed(): boolean {
    return this.handle.closed;
  }

  /** What the kernel says about it; does not change during the life of a map. */
  info(): MapInfo {
    return this.#info;
  }

  /**
   * Pins the map at a path on a bpf file system.
   *
   * @throws {@link BpfError} `ERR_SYSCALL` (EEXIST if something is there).
   */
  pin(path: string): void {
    pinFd(this.handle, path);
  }

  /** Removes a pin. A path where nothing is pinned is not an error. The map lives on while anything uses it. */
  unpin(path: string): void {
    unpin(path);
  }

  /** Forbids changes from user space for good (BPF_MAP_FREEZE); the verifier then sees constants. */
  freeze(): void {
    bpf("BPF_MAP_FREEZE", new Attr(this.handle.sys, 4).u32(0, this.fd), this.handle.what);
  }

  /** Closes the descriptor, also for every other view of this map. Pins and programs keep the map itself alive. */
  close(): void {
    this.handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Removes a pin of any kind. A path where nothing is pinned is not an error. */
export function unpin(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
