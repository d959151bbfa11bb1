import type { NetlinkError } from "./errors.ts";
import type { Request } from "./request.ts";

export interface BatchFailure {
  /** Position in the batch. */
  readonly index: number;
  readonly request: Request;
  readonly error: NetlinkError;
}

/** Some requests of a batch were refused; all others were carried out. */
export class BatchError extends AggregateError {
  override readonly name = "BatchError";
  readonly code = "ERR_BATCH";
  /** In the order of the batch; never empty. */
  readonly failures: readonly BatchFailure[];
  /** Number of requests in the batch. */
  readonly total: number;

  constructor(failures: readonly BatchFailure[], total: number) {
    const errors = failures.map(({ error }) => error);
    super(errors, `${failures.length} of ${total} requests failed, the first: ${errors[0]?.message}`);
    this.failures = failures;
    this.total = total;
  }
}
