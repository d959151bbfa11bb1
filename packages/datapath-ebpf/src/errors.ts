import { isBpfError } from "@netloom/bpf-loader";
import { NetloomError } from "@netloom/core";
import { isNetlinkError } from "@netloom/netlink";

/** What bpf-loader and netlink call by other names. */
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

function translate(what: string, error: unknown): unknown {
  if (!isBpfError(error) && !isNetlinkError(error)) return error;
  return new NetloomError(CODES[error.code] ?? error.code, `${what}: ${error.message}`, {
    cause: error,
    backend: "ebpf",
    ...(error.code === "ERR_MAP_FULL" ? { retryable: true } : {}),
  });
}
