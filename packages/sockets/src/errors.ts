import { getSystemErrorMap, getSystemErrorMessage } from "node:util";

/**
 * What went wrong, in a word a program can switch on. Stable within a major version.
 *
 * - `ERR_INVALID`: a value that cannot be right. Without `errno` it was refused before the kernel was asked.
 * - `ERR_PERMISSION`: the kernel answered EPERM or EACCES; the hint names the capability.
 * - `ERR_ADDRESS_IN_USE`: another socket has the address and port.
 * - `ERR_NOT_FOUND`: no such device, local address or namespace.
 * - `ERR_REFUSED`: the peer refused the connection, or reset it.
 * - `ERR_UNREACHABLE`: there is no way to the peer.
 * - `ERR_TIMED_OUT`: the peer did not answer for as long as the kernel tries.
 * - `ERR_UNSUPPORTED`: this kernel (or this platform) cannot do it.
 * - `ERR_CLOSED`: the socket was closed.
 * - `ERR_SYSCALL`: any other refusal; `errnoName` says which.
 */
export type SocketErrorCode =
  | "ERR_INVALID"
  | "ERR_PERMISSION"
  | "ERR_ADDRESS_IN_USE"
  | "ERR_NOT_FOUND"
  | "ERR_REFUSED"
  | "ERR_UNREACHABLE"
  | "ERR_TIMED_OUT"
  | "ERR_UNSUPPORTED"
  | "ERR_CLOSED"
  | "ERR_SYSCALL";

export interface SocketErrorDetails {
  /** Positive errno of the failed call. */
  readonly errno?: number | undefined;
  /** What usually helps. Becomes the end of the message. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The one error this package throws for conditions a caller can handle. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  readonly code: SocketErrorCode;
  /** What was attempted: `connect to 10.0.0.1 port 179`. */
  readonly op: string;
  /** Positive errno, when a system call refused. */
  readonly errno: number | undefined;
  /** `ECONNREFUSED`, `ENODEV`, … for {@link errno}. */
  readonly errnoName: string | undefined;
  readonly hint: string | undefined;

  constructor(code: SocketErrorCode, op: string, reason: string, details: SocketErrorDetails = {}) {
    const { errno, hint, cause } = details;
    super(
      `${op}: ${reason}${hint === undefined ? "" : `; ${hint}`}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.op = op;
    this.errno = errno;
    this.errnoName = errno === undefined ? undefined : errnoName(errno);
    this.hint = hint;
  }
}

/**
 * Whether `error` is a {@link SocketError}, and, if a code is given, that one.
 * Goes by shape, so two installed copies of this package agree.
 */
export function isSocketError(error: unknown, code?: SocketErrorCode): error is SocketError {
  if (!(error instanceof Error) || error.name !== "SocketError" || !("code" in error)) return false;
  return code === undefined || error.code === code;
}

export interface ErrnoDetails extends Omit<SocketErrorDetails, "errno"> {
  /** What a caller lacks who is not permitted. */
  readonly needs?: string | undefined;
}

/** The error for a system call that failed with `errno`. */
export function errnoError(op: string, errno: number, { needs, ...details }: ErrnoDetails = {}): SocketError {
  const name = errnoName(errno);
  const code = CODES[name] ?? "ERR_SYSCALL";
  const hint =
    details.hint ?? (code === "ERR_PERMISSION" && needs !== undefined ? `needs ${needs}` : HINTS[name]);
  const reason = `${getSystemErrorMessage(-errno)} (${name})`;
  return new SocketError(code, op, reason, { errno, hint, cause: details.cause });
}

/** The error for what node:net or node:fs reported. */
export function nodeError(op: string, cause: unknown, needs?: string): SocketError {
  const number = cause instanceof Error && "errno" in cause ? Number(cause.errno) : Number.NaN;
  return Number.isInteger(number) && number < 0
    ? errnoError(op, -number, { cause, needs })
    : new SocketError("ERR_SYSCALL", op, cause instanceof Error ? cause.message : String(cause), { cause });
}

/** The error for an input refused before the kernel was asked. */
export function invalid(op: string, input: unknown, expected: string): SocketError {
  const shown = typeof input === "string" ? JSON.stringify(input) : String(input);
  return new SocketError("ERR_INVALID", op, `${shown} is not ${expected}`);
}

/** The error for a socket used after it was closed. */
export function closed(op: string): SocketError {
  return new SocketError("ERR_CLOSED", op, "the socket is closed");
}

const CODES: Readonly<Record<string, SocketErrorCode>> = {
  EPERM: "ERR_PERMISSION",
  EACCES: "ERR_PERMISSION",
  EADDRINUSE: "ERR_ADDRESS_IN_USE",
  ENODEV: "ERR_NOT_FOUND",
  ENOENT: "ERR_NOT_FOUND",
  EADDRNOTAVAIL: "ERR_NOT_FOUND",
  EINVAL: "ERR_INVALID",
  ECONNREFUSED: "ERR_REFUSED",
  ECONNRESET: "ERR_REFUSED",
  ENETUNREACH: "ERR_UNREACHABLE",
  EHOSTUNREACH: "ERR_UNREACHABLE",
  ENETDOWN: "ERR_UNREACHABLE",
  EHOSTDOWN: "ERR_UNREACHABLE",
  ETIMEDOUT: "ERR_TIMED_OUT",
  ENOPROTOOPT: "ERR_UNSUPPORTED",
  EOPNOTSUPP: "ERR_UNSUPPORTED",
  EAFNOSUPPORT: "ERR_UNSUPPORTED",
  EPROTONOSUPPORT: "ERR_UNSUPPORTED",
  ENOSYS: "ERR_UNSUPPORTED",
};

const HINTS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: "the namespace does not have the address, or no local port is free",
  ETIMEDOUT: "the peer did not answer; a missing or wrong TCP-MD5 key looks like this too",
};

function errnoName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `E${errno}`;
}
