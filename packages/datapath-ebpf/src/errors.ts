import { isBpfError } from "@netloom/bpf-loader";
import { NetloomError, type NetloomErrorOptions } from "@netloom/core";
import { isNetlinkError } from "@netloom/netlink";

/** Which backend says so. */
const BACKEND = "ebpf";

/** What bpf-loader and netlink call by other names. The rest they share with us. */
const CODES: Readonly<Record<string, string>> = {
  ERR_MAP_FULL: "ERR_CAPACITY",
  ERR_EXISTS: "ERR_SYSCALL",
  ERR_NOT_FOUND: "ERR_SYSCALL",
  ERR_INVALID: "ERR_SYSCALL",
};

/** Does something with the kernel; what it throws comes out as a {@link NetloomError} that keeps its cause. */
export function kernel<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw translate(what, error);
  }
}

/** The same for what takes time. */
export async function kernelAsync<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw translate(what, error);
  }
}

/** The error for something that makes no sense here, said before anything has changed. */
export function refused(code: string, message: string, options: NetloomErrorOptions): NetloomError {
  return new NetloomError(code, message, { ...options, backend: BACKEND });
}

/** Whether a file operation failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

function translate(what: string, error: unknown): unknown {
  if (!isBpfError(error) && !isNetlinkError(error)) return error;
  return new NetloomError(CODES[error.code] ?? error.code, `${what}: ${error.message}`, {
    cause: error,
    backend: BACKEND,
    retryable: error.code === "ERR_MAP_FULL",
  });
}
