import { closeSync, fstatSync, openSync, stat, writeSync } from "node:fs";
import { errnoError, NetlinkError } from "../errors.ts";
import { check, errno, libc } from "./libc.ts";

const CLONE_NEWNET = 0x4000_0000;
/** ioctl_nsfs(2). */
const NS_GET_NSTYPE = 0xb703;

/** Not /proc/self: that is the main thread, and a worker may live elsewhere. */
export const THREAD_NETNS = "/proc/thread-self/ns/net";

const SYS_ADMIN = "CAP_SYS_ADMIN";

/** A namespace held open. The inode number tells whether two handles are the same one. */
export interface NamespaceHandle {
  readonly fd: number;
  readonly inode: number;
}

/** The namespace this thread was in when it first came here; stays open as long as the thread lives. */
let home: NamespaceHandle | undefined;
/** The namespace this thread is in now. */
let current: NamespaceHandle | undefined;

/** The namespace this thread belongs to. */
export function homeNamespace(): NamespaceHandle {
  if (home === undefined) {
    startThreadPool();
    home = handle(openThreadNetns("open the current network namespace"));
    current = home;
  }
  return home;
}

/** Opens the namespace the thread is in at this moment. */
function openThreadNetns(op: string): number {
  try {
    return openSync(THREAD_NETNS, "r");
  } catch (cause) {
    throw fileError(op, cause);
  }
}

/**
 * Runs `fn` with this thread inside a namespace, whose descriptor must stay open meanwhile. Nests: the
 * thread returns to where it was, also when `fn` throws. Failing to return would leave everything this
 * thread does in the wrong namespace, so it aborts the process.
 */
export function inNamespace<R>(target: NamespaceHandle, fn: () => R): R {
  const before = currentNamespace();
  const { fd, inode } = target;
  // Entering asks for CAP_SYS_ADMIN, staying for nothing: without privileges one's own namespace can still
  // be read.
  if (inode === before.inode) return fn();
  check(libc().setns(fd, CLONE_NEWNET), "enter network namespace", SYS_ADMIN);
  current = { fd, inode };
  try {
    return fn();
  } finally {
    goBack(before);
  }
}

/**
 * Makes a namespace and returns its descriptor, which is what keeps it alive. `prepare` runs inside it;
 * if it throws, the namespace is gone.
 */
export function newNamespace(op: string, prepare?: () => void): number {
  const before = currentNamespace();
  check(libc().unshare(CLONE_NEWNET), op, SYS_ADMIN);
  let fd: number | undefined;
  try {
    fd = openThreadNetns(op);
    current = handle(fd);
    prepare?.();
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw error;
  } finally {
    goBack(before);
  }
}

/** Whether a descriptor stands for a network namespace, and not another kind of namespace or file. */
export function isNetworkNamespace(fd: number): boolean {
  return libc().ioctl(fd, NS_GET_NSTYPE, Buffer.alloc(0)) === CLONE_NEWNET;
}

function currentNamespace(): NamespaceHandle {
  const fallback = homeNamespace();
  return current ?? fallback;
}

function handle(fd: number): NamespaceHandle {
  return { fd, inode: fstatSync(fd).ino };
}

function goBack(before: NamespaceHandle): void {
  if (libc().setns(before.fd, CLONE_NEWNET) === 0) {
    current = before;
    return;
  }
  writeSync(2, `netlink: cannot return to the previous network namespace (errno ${errno()}); aborting\n`);
  process.abort();
}

/**
 * Threads inherit the namespace of the thread that starts them, and libuv starts its pool at the first
 * asynchronous file operation. If that happened inside a namespace, the pool would stay there for good. So
 * the pool starts here, at home.
 */
function startThreadPool(): void {
  stat("/", () => {
    // Only the start matters.
  });
}

/** A NetlinkError for what node:fs threw; `needs` says what a permission refusal lacks. */
export function fileError(op: string, cause: unknown, needs?: string): NetlinkError {
  const number = cause instanceof Error && "errno" in cause ? Number(cause.errno) : Number.NaN;
  if (Number.isNaN(number)) return new NetlinkError("ERR_SYSCALL", op, String(cause), { cause });
  return errnoError(op, -number, { cause, needs });
}
