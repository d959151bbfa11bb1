import { closeSync, openSync, stat, writeSync } from "node:fs";
import { errnoError, NetlinkError } from "../errors.ts";
import { check, errno, libc } from "./libc.ts";

const CLONE_NEWNET = 0x4000_0000;
/** ioctl_nsfs(2). */
const NS_GET_NSTYPE = 0xb703;

/** Not /proc/self: that is the main thread, and a worker may live elsewhere. */
export const THREAD_NETNS = "/proc/thread-self/ns/net";

const SYS_ADMIN = "CAP_SYS_ADMIN";

/** The namespace this thread was in when it first came here; stays open as long as the thread lives. */
let home: number | undefined;
/** The namespace this thread is in now. */
let current: number | undefined;

/** Descriptor of the namespace this thread belongs to. */
export function homeFd(): number {
  if (home === undefined) {
    startThreadPool();
    home = openThreadNetns("open the current network namespace");
    current = home;
  }
  return home;
}

/** Opens the namespace the thread is in at this moment. */
export function openThreadNetns(op: string): number {
  try {
    return openSync(THREAD_NETNS, "r");
  } catch (cause) {
    throw fileError(op, cause);
  }
}

/**
 * Runs `fn` with this thread inside the namespace behind `fd`. Nests: the thread returns to where it was,
 * also when `fn` throws. Failing to return would leave the whole process acting in the wrong namespace, so it aborts.
 */
export function inNamespace<R>(fd: number, fn: () => R): R {
  const before = currentFd();
  if (fd === before) return fn();
  check(libc().setns(fd, CLONE_NEWNET), "enter network namespace", SYS_ADMIN);
  current = fd;
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
  const before = currentFd();
  check(libc().unshare(CLONE_NEWNET), op, SYS_ADMIN);
  let fd: number | undefined;
  try {
    fd = openThreadNetns(op);
    current = fd;
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

function currentFd(): number {
  const fallback = homeFd();
  return current ?? fallback;
}

function goBack(fd: number): void {
  if (libc().setns(fd, CLONE_NEWNET) === 0) {
    current = fd;
    return;
  }
  writeSync(2, `netlink: cannot return to the previous network namespace (errno ${errno()}); aborting\n`);
  process.abort();
}

/**
 * Threads inherit the namespace of the thread that starts them, and libuv starts its pool at the first asynchronous
 * file operation. If that happened inside a namespace, the pool would stay there for good. So the pool starts here, at home.
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
