/**
 * Every condition a caller can meet and handle, by code. Codes are stable within a major version; messages are
 * for people and may improve at any time. A vendor's backend uses its own prefix for conditions of its own.
 * Each code has a heading in `docs/errors.md`.
 */
export const ERROR_CODES = [
  "ERR_ADDRESS_INVALID",
  "ERR_AMBIGUOUS",
  "ERR_BGP_BUSY",
  "ERR_BGP_INVALID",
  "ERR_BPF_VERIFIER",
  "ERR_CAPACITY",
  "ERR_CIDR_INVALID",
  "ERR_CLOSED",
  "ERR_CLOUD_CONFLICT",
  "ERR_CLOUD_GONE",
  "ERR_CLOUD_INVALID",
  "ERR_CLOUD_THROTTLED",
  "ERR_CLOUD_UNAVAILABLE",
  "ERR_ENDPOINT_EXISTS",
  "ERR_ENDPOINT_INVALID",
  "ERR_ENDPOINT_NOT_FOUND",
  "ERR_ENDPOINT_STATE",
  "ERR_IDENTITY_EXHAUSTED",
  "ERR_IPAM_CONFLICT",
  "ERR_IPAM_EXHAUSTED",
  "ERR_IPAM_FOREIGN",
  "ERR_IPAM_NO_RANGE",
  "ERR_IPAM_OUT_OF_RANGE",
  "ERR_LABEL_INVALID",
  "ERR_NODE_EXISTS",
  "ERR_NODE_INVALID",
  "ERR_OBJECT_CORRUPT",
  "ERR_OPTIONS_INVALID",
  "ERR_PERMISSION",
  "ERR_PIN_LAYOUT",
  "ERR_POLICY_INVALID",
  "ERR_POOL_EXHAUSTED",
  "ERR_POOL_INVALID",
  "ERR_POOL_OVERLAP",
  "ERR_SELECTOR_INVALID",
  "ERR_SERVICE_INVALID",
  "ERR_STORE_COMPACTED",
  "ERR_STORE_CONFLICT",
  "ERR_STORE_EXISTS",
  "ERR_STORE_LOST",
  "ERR_STORE_NOT_FOUND",
  "ERR_STORE_UNAVAILABLE",
  "ERR_SYSCALL",
  "ERR_TIMEOUT",
  "ERR_UNSUPPORTED",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface NetloomErrorOptions {
  /** What was refused, as it was given. */
  readonly input?: unknown;
  /** What to do about it. Becomes the end of the message. */
  readonly remedy?: string;
  /** The same call may succeed later without any change. @defaultValue false */
  readonly retryable?: boolean;
  /** Which backend or package said so, e.g. `cluster-pool`. */
  readonly backend?: string;
  readonly cause?: unknown;
}

/**
 * An error a caller can handle: recognise it by {@link isNetloomError} and its `code`, never by its message.
 * Nothing has changed when one is thrown, unless the code is `ERR_AMBIGUOUS`: then re-read before a retry.
 */
export class NetloomError extends Error {
  override readonly name = "NetloomError";
  readonly code: ErrorCode | (string & {});
  readonly input: unknown;
  readonly remedy: string | undefined;
  readonly retryable: boolean;
  readonly backend: string | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, options: NetloomErrorOptions = {}) {
    super(
      options.remedy === undefined ? message : `${message}; ${options.remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.input = options.input;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? false;
    this.backend = options.backend;
  }
}

/** Works by shape, so that two installed copies of this package agree. */
export function isNetloomError(error: unknown, code?: ErrorCode | (string & {})): error is NetloomError {
  if (!(error instanceof Error) || error.name !== "NetloomError") return false;
  return code === undefined ? true : (error as Partial<NetloomError>).code === code;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
