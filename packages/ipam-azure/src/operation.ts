import { messageOf, sleep, type Clock } from "@netloom/core";
import { CloudError, type CloudCall } from "@netloom/ipam-cloud";
import { classify } from "./classify.ts";
import { ask, OperationFailedError } from "./gate.ts";

/** What is used of the SDK's poller. */
interface Poller<Result> {
  submitted(): Promise<void>;
  poll(options: { readonly abortSignal: AbortSignal }): Promise<unknown>;
  readonly isDone: boolean;
  readonly result: Result | undefined;
}

export interface Polling {
  readonly clock: Clock;
  /** Between two looks at an operation, where Azure does not say, in milliseconds. */
  readonly interval: number;
}

/**
 * Begins a change and waits for its end. What goes wrong once it was accepted is `ambiguous`, whatever it is, but for an end
 * that says why.
 */
export function change<Result>(
  call: CloudCall,
  begin: () => Poller<Result>,
  { clock, interval }: Polling,
): Promise<Result> {
  return ask(call, async (asking) => {
    const poller = begin();
    await poller.submitted();
    try {
      while (!poller.isDone) {
        await sleep(clock, asking.retryAfter ?? interval, call.signal);
        await poller.poll({ abortSignal: call.signal });
      }
    } catch (cause) {
      if (cause instanceof OperationFailedError || asking.calledOff !== undefined) throw cause;
      call.signal.throwIfAborted();
      throw unknown(`it is not known how a change has ended: ${messageOf(cause)}`, cause);
    }
    // As where the answer to the change itself says that it has failed.
    if (poller.result === undefined) throw unknown("a change has failed, and does not say why");
    return poller.result;
  });
}

/** A read that tells what a change has done: where it fails, the change is there all the same. */
export async function afterwards<Answer>(call: CloudCall, read: Promise<Answer>): Promise<Answer> {
  try {
    return await read;
  } catch (cause) {
    call.signal.throwIfAborted();
    if (classify(cause).kind === "ambiguous") throw cause;
    throw unknown(`it is not known what a change has done: ${messageOf(cause)}`, cause);
  }
}

function unknown(message: string, cause?: unknown): CloudError {
  return new CloudError({ kind: "ambiguous" }, message, { cause });
}
