import { mkdirSync, statfsSync } from "node:fs";
import { ERRNO } from "./errors.ts";
import { syscallError } from "./sys/bpf.ts";
import { linuxSys } from "./sys/linux.ts";
import type { SysOption } from "./sys/sys.ts";

/** `BPF_FS_MAGIC` of `linux/magic.h`. */
const BPF_FS_MAGIC = 0xcafe4a11;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MNT_DETACH = 2;

/** Whether pins can live at a path. False if there is nothing. */
export function isBpffs(path: string): boolean {
  try {
    // The type is a signed word on some processors.
    return statfsSync(path).type >>> 0 === BPF_FS_MAGIC;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/**
 * Mounts a bpf file system, for pins; usually at `/sys/fs/bpf`. Makes the directory. Does nothing if there is one.
 * Readable by the owner only.
 *
 * @returns whether it mounted.
 * @throws {@link BpfError} `ERR_PERMISSION` (CAP_SYS_ADMIN), `ERR_SYSCALL`.
 */
export function mountBpffs(path: string, options: SysOption = {}): boolean {
  mkdirSync(path, { recursive: true });
  if (isBpffs(path)) return false;
  const { sys = linuxSys() } = options;
  const result = sys.mount("bpffs", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
  if (result < 0) throw syscallError("mount", -result, { object: path });
  return true;
}

/** Unmounts; what was pinned goes once nothing uses it. A path that is not a mount is not an error. */
export function unmountBpffs(path: string, options: SysOption = {}): void {
  const { sys = linuxSys() } = options;
  const result = sys.unmount(path, MNT_DETACH);
  if (result < 0 && result !== -ERRNO.EINVAL && result !== -ERRNO.ENOENT) {
    throw syscallError("umount2", -result, { object: path });
  }
}
