import { getSystemErrorMessage } from "node:util";
import { errnoName } from "./errno.ts";

/**
 * What went wrong, in a word a program can switch on. Stable within a major version.
 *
 * - `ERR_PERMISSION`: the kernel answered EPERM or EACCES; the hint names the capability.
 * - `ERR_EXISTS`: there is one already.
 * - `ERR_NOT_FOUND`: no such device, address, route, rule, neighbour or namespace.
 * - `ERR_INVALID`: a value that cannot be right. Without `errno` it was refused before anything was sent.
 * - `ERR_UNSUPPORTED`: this kernel (or this platform) cannot do it.
 * - `ERR_CLOSED`: the handle was closed.
 * - `ERR_SYSCALL`: any other refusal; `errnoName` says which.
 */
export type NetlinkErrorCode =
  | "ERR_SYSCALL"
  | "ERR_PERMISSION"
  | "ERR_UNSUPPORTED"
  | "ERR_EXISTS"
  | "ERR_NOT_FOUND"
  | "ERR_INVALID"
  | "ERR_CLOSED";

export interface NetlinkErrorDetails {
  /** Positive errno of the failed call. */
  readonly errno?: number | undefined;
  /** The kernel's own sentence (extended acknowledgement). */
  readonly kernelMessage?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The one error this package throws for conditions a caller can handle. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly code: NetlinkErrorCode;
  /** What was attempted: `create link veth0`, `add route 10.0.0.0/24`. */
  readonly op: string;
  /** Positive errno, when a system call refused. */
  readonly errno: number | undefined;
  /** `EEXIST`, `ENODEV`, … for {@link errno}. */
  readonly errnoName: string | undefined;
  /**
   * The extended acknowledgement text: `Nexthop has invalid gateway`. Kernels give it for most refusals,
   * not all.
   */
  readonly kernelMessage: string | undefined;
  /** What usually helps. */
  readonly hint: string | undefined;

  constructor(code: NetlinkErrorCode, op: string, reason: string, details: NetlinkErrorDetails = {}) {
    const hint = details.hint === undefined ? "" : `; ${details.hint}`;
    super(`${op}: ${reason}${hint}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.op = op;
    this.errno = details.errno;
    this.errnoName = details.errno === undefined ? undefined : errnoName(details.errno);
    this.kernelMessage = details.kernelMessage;
    this.hint = details.hint;
  }
}

/**
 * Whether `error` is a {@link NetlinkError}, and, if a code is given, that one.
 * Goes by shape, so two installed copies of this package agree.
 */
export function isNetlinkError(error: unknown, code?: NetlinkErrorCode): error is NetlinkError {
  if (!(error instanceof Error) || error.name !== "NetlinkError" || !("code" in error)) return false;
  return code === undefined || error.code === code;
}

export interface ErrnoDetails extends Omit<NetlinkErrorDetails, "errno"> {
  /** What a caller lacks who is not permitted. @defaultValue CAP_NET_ADMIN */
  readonly needs?: string | undefined;
}

/** The error for a system call or request that failed with `errno`. */
export function errnoError(op: string, errno: number, details: ErrnoDetails = {}): NetlinkError {
  const name = errnoName(errno);
  const code = CODES[name] ?? "ERR_SYSCALL";
  const { kernelMessage, cause, needs = NET_ADMIN } = details;
  const hint = details.hint ?? (code === "ERR_PERMISSION" ? `needs ${needs}` : HINTS[name]);
  return new NetlinkError(code, op, `${kernelMessage ?? describe(errno)} (${name})`, {
    errno,
    kernelMessage,
    cause,
    hint,
  });
}

/** The error for an input refused before anything was sent. */
export function invalid(op: string, input: unknown, expected: string): NetlinkError {
  return new NetlinkError("ERR_INVALID", op, `${show(input)} is not ${expected}`);
}

/** The error for a handle used after `close()`. */
export function closed(op: string): NetlinkError {
  return new NetlinkError("ERR_CLOSED", op, "the handle is closed");
}

const CODES: Readonly<Record<string, NetlinkErrorCode>> = {
  EPERM: "ERR_PERMISSION",
  EACCES: "ERR_PERMISSION",
  EEXIST: "ERR_EXISTS",
  ENODEV: "ERR_NOT_FOUND",
  ENOENT: "ERR_NOT_FOUND",
  // A route that is not there, and an address that is not there.
  ESRCH: "ERR_NOT_FOUND",
  EADDRNOTAVAIL: "ERR_NOT_FOUND",
  EINVAL: "ERR_INVALID",
  ERANGE: "ERR_INVALID",
  EOPNOTSUPP: "ERR_UNSUPPORTED",
  EAFNOSUPPORT: "ERR_UNSUPPORTED",
  EPROTONOSUPPORT: "ERR_UNSUPPORTED",
  ENOPROTOOPT: "ERR_UNSUPPORTED",
  ENOSYS: "ERR_UNSUPPORTED",
  ENOTSUPP: "ERR_UNSUPPORTED",
};

const NET_ADMIN = "CAP_NET_ADMIN in the user namespace that owns the network namespace";

const HINTS: Readonly<Record<string, string>> = {
  EOPNOTSUPP: "this kernel lacks the driver or the feature",
  ENETUNREACH: "no route leads to the gateway; give the device an address first, or set onlink",
  ENETDOWN: "the device is down",
  ENOBUFS: "the socket's receive buffer overflowed; what the kernel did with the last requests is unknown",
};

function describe(errno: number): string {
  return errnoName(errno) === "ENOTSUPP" ? "operation not supported" : getSystemErrorMessage(-errno);
}

function show(input: unknown): string {
  return typeof input === "string" ? JSON.stringify(input) : String(input);
}
