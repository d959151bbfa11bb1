/** Why the cloud refuses, in no vendor's words: each API puts its own code on it. */
export type RefusalReason =
  | "address-taken"
  | "denied"
  | "failed"
  | "in-use"
  | "index-taken"
  | "instance-gone"
  | "interface-gone"
  | "interface-slots"
  | "invalid"
  | "node-interfaces"
  | "pool-addresses"
  | "pool-blocks"
  | "pool-gone"
  | "quota"
  | "throttled"
  | "unavailable"
  | "version";

/** Thrown inside the cloud; nothing has changed. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;
  /** Of the pool, interface, instance, bucket, quota or action that it is about. */
  readonly subject: string;

  constructor(reason: RefusalReason, subject: string, message: string) {
    super(message);
    this.reason = reason;
    this.subject = subject;
  }
}

/** What a client of an API gets to see: the vendor's code, as its SDK would show it. */
export class SimCloudError extends Error {
  override readonly name = "SimCloudError";
  readonly code: string;
  /** What the code is about, where the vendor's message names it. */
  readonly subject: string;

  constructor(code: string, subject: string, message: string) {
    super(message);
    this.code = code;
    this.subject = subject;
  }
}

/** A request or its answer was lost on the way: whether anything happened is not known. */
export class SimConnectionError extends Error {
  override readonly name = "SimConnectionError";
  readonly code = "ETIMEDOUT";
}
