import { constants } from "node:os";

/** Every condition a caller of this package can meet and handle. Codes are stable within a major version. */
export const BPF_ERROR_CODES = [
  "ERR_BPF_VERIFIER",
  "ERR_CLOSED",
  "ERR_MAP_FULL",
  "ERR_OBJECT_CORRUPT",
  "ERR_PERMISSION",
  "ERR_PIN_LAYOUT",
  "ERR_SYSCALL",
  "ERR_UNSUPPORTED",
] as const;

export type BpfErrorCode = (typeof BPF_ERROR_CODES)[number];

export interface BpfErrorOptions {
  /** Positive errno of the failed system call. */
  readonly errno?: number;
  /** The command or system call, e.g. `BPF_MAP_CREATE` or `mount`. */
  readonly op?: string;
  /** Name of the object file, map, program or path concerned. */
  readonly object?: string;
  /** What to do about it. Becomes the end of the message. */
  readonly hint?: string;
  /** With `ERR_UNSUPPORTED`: the name {@link Features.has} knows it by, or a description. */
  readonly feature?: string;
  /** With `ERR_UNSUPPORTED`: the first kernel that has it, e.g. `6.6`. */
  readonly minimum?: string;
  readonly cause?: unknown;
}

/**
 * An error a caller can handle: recognise it by {@link isBpfError} and `code`, never by its message.
 * Wrong arguments are plain `TypeError`s and `RangeError`s without a code.
 */
export class BpfError extends Error {
  override readonly name: string = "BpfError";
  readonly code: BpfErrorCode;
  /** Positive errno, e.g. 22. */
  readonly errno: number | undefined;
  /** The command or system call that failed, e.g. `BPF_PROG_LOAD`. */
  readonly op: string | undefined;
  readonly object: string | undefined;
  readonly hint: string | undefined;
  readonly feature: string | undefined;
  readonly minimum: string | undefined;

  constructor(code: BpfErrorCode, message: string, options: BpfErrorOptions = {}) {
    super(
      options.hint === undefined ? message : `${message}; ${options.hint}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.errno = options.errno;
    this.op = options.op;
    this.object = options.object;
    this.hint = options.hint;
    this.feature = options.feature;
    this.minimum = options.minimum;
  }

  /** Same as {@link BpfError.op}; the name Node's own system errors use. */
  get syscall(): string | undefined {
    return this.op;
  }
}

/** A place in the C source, from the line info of the object. */
export interface SourceLine {
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
  readonly text: string;
}

export interface VerifierErrorOptions extends BpfErrorOptions {
  readonly log: readonly string[];
  readonly summary: string;
  readonly source?: SourceLine;
}

/** The verifier rejected a program. The message holds one line of the log; `log` holds them all. */
export class VerifierError extends BpfError {
  override readonly name: string = "VerifierError";
  /** The whole log, one line per entry, without blank lines at the end. */
  readonly log: readonly string[];
  /** The line that says why. */
  readonly summary: string;
  /** The C line of the last instruction the verifier looked at; needs an object compiled with `-g`. */
  readonly source: SourceLine | undefined;

  constructor(message: string, options: VerifierErrorOptions) {
    super("ERR_BPF_VERIFIER", message, options);
    this.log = options.log;
    this.summary = options.summary;
    this.source = options.source;
  }
}

/** Works by shape, so that two installed copies of this package agree. */
export function isBpfError(error: unknown, code?: BpfErrorCode): error is BpfError {
  if (!(error instanceof Error) || (error.name !== "BpfError" && error.name !== "VerifierError"))
    return false;
  return code === undefined || (error as Partial<BpfError>).code === code;
}

/** Errno values this package tests for. ENOTSUPP is kernel-internal and leaks out of bpf(2). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EOPNOTSUPP: 95,
  ENOTSUPP: 524,
} as const;

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, value]) => [value, name] as const),
  // Linux calls 95 EOPNOTSUPP and ENOTSUP, 11 EAGAIN and EWOULDBLOCK: say the name the man pages use.
  ...Object.entries(ERRNO).map(([name, value]) => [value, name] as const),
]);

/** `EINVAL` for 22. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}
