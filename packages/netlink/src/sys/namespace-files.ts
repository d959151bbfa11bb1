import { closeSync, mkdirSync, openSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { invalid, NetlinkError } from "../errors.ts";
import { check, errno, libc } from "./libc.ts";
import { fileError, isNetworkNamespace, THREAD_NETNS } from "./thread.ts";

/** Where `ip netns` keeps its namespaces. */
const NETNS_DIRECTORY = "/run/netns";

const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x10_0000;
const MNT_DETACH = 2;
const EINVAL = 22;
const SYS_ADMIN = "CAP_SYS_ADMIN";

/** `/run/netns/NAME`; refuses what would lead out of the directory. */
export function namespacePath(op: string, name: string): string {
  const good = typeof name === "string" && /^[^/\0]+$/.test(name) && name !== "." && name !== "..";
  if (!good || Buffer.byteLength(name) > 255)
    throw invalid(op, name, "a namespace name: a file name without slash");
  return `${NETNS_DIRECTORY}/${name}`;
}

/**
 * Opens a namespace file and makes sure that it is one: a name that nothing is mounted on is a plain empty
 * file.
 */
export function openNamespaceFile(op: string, path: string): number {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw fileError(op, cause);
  }
  if (isNetworkNamespace(fd)) return fd;
  closeSync(fd);
  throw new NetlinkError("ERR_INVALID", op, `${path} is not a network namespace`);
}

/** Creates the empty file a namespace will be mounted on. @throws {@link NetlinkError} `ERR_EXISTS`. */
export function createMountPoint(op: string, path: string): void {
  try {
    mkdirSync(NETNS_DIRECTORY, { recursive: true, mode: 0o755 });
    shareDirectory(op);
    closeSync(openSync(path, "wx", 0o000));
  } catch (cause) {
    if (cause instanceof NetlinkError) throw cause;
    throw fileError(op, cause, "CAP_SYS_ADMIN and a writable /run");
  }
}

/** Mounts the namespace the thread is in. */
export function mountThreadNetns(op: string, path: string): void {
  check(libc().mount(THREAD_NETNS, path, "none", MS_BIND, null), op, SYS_ADMIN);
}

/** Removes a namespace file, mounted or not. The namespace itself goes when its last user goes. */
export function removeNamespaceFile(op: string, path: string): void {
  // EINVAL: nothing is mounted there; the file goes all the same.
  if (libc().umount2(path, MNT_DETACH) < 0 && errno() !== EINVAL) check(-1, op, SYS_ADMIN);
  try {
    unlinkSync(path);
  } catch (cause) {
    throw fileError(op, cause);
  }
}

/** Takes back {@link createMountPoint} after a failure that is worth more than one in here. */
export function discardMountPoint(path: string): void {
  libc().umount2(path, MNT_DETACH);
  rmSync(path, { force: true });
}

/** Names under /run/netns, sorted. */
export function namespaceNames(): string[] {
  try {
    return readdirSync(NETNS_DIRECTORY).sort();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw fileError("list network namespaces", cause);
  }
}

/**
 * As iproute2 does: a shared mount of its own, so that unmounting a namespace here unmounts it in
 * other mount namespaces too, which would otherwise keep it alive.
 */
function shareDirectory(op: string): void {
  const share = (): number => libc().mount("", NETNS_DIRECTORY, "none", MS_SHARED | MS_REC, null);
  if (share() === 0) return;
  if (errno() !== EINVAL) check(-1, op, SYS_ADMIN);
  check(libc().mount(NETNS_DIRECTORY, NETNS_DIRECTORY, "none", MS_BIND | MS_REC, null), op, SYS_ADMIN);
  check(share(), op, SYS_ADMIN);
}
