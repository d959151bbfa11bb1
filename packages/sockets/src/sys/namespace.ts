import { closeSync, openSync, writeSync } from "node:fs";
import { nodeError } from "../errors.ts";
import { check, errno, libc } from "./libc.ts";

const CLONE_NEWNET = 0x4000_0000;

/** Not /proc/self: that is the main thread, and a worker may live elsewhere. */
const THREAD_NETNS = "/proc/thread-self/ns/net";

const NEEDS = "CAP_SYS_ADMIN, to enter another network namespace";

/**
 * Runs `make` with this thread inside the namespace of a path; where there is none, here. A socket belongs for good
 * to the namespace it was made in, so only making it happens there, synchronously. Failing to return would leave
 * all that this thread does in the wrong namespace, so it aborts the process.
 */
export function inNamespace<R>(path: string | undefined, op: string, make: () => R): R {
  if (path === undefined) return make();
  const target = open(path, op);
  try {
    const home = open(THREAD_NETNS, op);
    try {
      check(libc().setns(target, CLONE_NEWNET), `${op}: enter network namespace ${path}`, NEEDS);
      try {
        return make();
      } finally {
        comeBack(home);
      }
    } finally {
      closeSync(home);
    }
  } finally {
    closeSync(target);
  }
}

function open(path: string, op: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw nodeError(`${op}: open network namespace ${path}`, cause);
  }
}

function comeBack(home: number): void {
  if (libc().setns(home, CLONE_NEWNET) === 0) return;
  writeSync(2, `sockets: cannot return to the previous network namespace (errno ${errno()}); aborting\n`);
  process.abort();
}
