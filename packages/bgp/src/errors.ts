/**
 * What went wrong, in a word a program can switch on. Stable within a major version.
 *
 * - `ERR_BGP_CONFIG`: a configuration that cannot be right; nothing has changed.
 * - `ERR_BGP_MESSAGE`: bytes that are no BGP message; `notification` is what RFC 4271 answers.
 * - `ERR_BGP_NOTIFIED`: the peer sent a NOTIFICATION; `notification` is it.
 * - `ERR_BGP_TRANSPORT`: the connection failed, or the transport lacks what was asked of it.
 * - `ERR_BGP_TIMEOUT`: a timer of the session ran out.
 * - `ERR_BGP_CLOSED`: the speaker, or the session, is closed.
 */
export type BgpErrorCode =
  | "ERR_BGP_CONFIG"
  | "ERR_BGP_MESSAGE"
  | "ERR_BGP_NOTIFIED"
  | "ERR_BGP_TRANSPORT"
  | "ERR_BGP_TIMEOUT"
  | "ERR_BGP_CLOSED";

/** A NOTIFICATION as it is on the wire: RFC 4271 section 4.5. */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

export interface BgpErrorOptions {
  readonly notification?: Notification | undefined;
  readonly input?: unknown;
  /** What to do about it. Becomes the end of the message. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** The one error this package throws for conditions a caller can handle. */
export class BgpError extends Error {
  override readonly name = "BgpError";
  readonly code: BgpErrorCode;
  readonly notification: Notification | undefined;
  readonly input: unknown;

  constructor(code: BgpErrorCode, message: string, options: BgpErrorOptions = {}) {
    super(
      options.remedy === undefined ? message : `${message}; ${options.remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.notification = options.notification;
    this.input = options.input;
  }
}
