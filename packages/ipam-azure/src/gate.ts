import { AsyncLocalStorage } from "node:async_hooks";
import type { NetworkManagementClient } from "@azure/arm-network";
import { CloudError, type CloudCall } from "@netloom/ipam-cloud";
import { actionOf } from "./actions.ts";
import { retryAfterOf } from "./retry-after.ts";

type Policy = Parameters<NetworkManagementClient["pipeline"]["addPolicy"]>[0];

/** What one use of the SDK, of one or more requests, has come to. */
export interface Asking {
  readonly call: CloudCall;
  /** What the last answer asked to wait for, in milliseconds. */
  retryAfter?: number;
  /** A change was sent. */
  changing?: true;
  /** The call was called off. */
  calledOff?: { readonly reason: unknown };
}

/** How long an answer is waited for, in milliseconds: the SDK would wait for ever. What comes of it is not known then. */
const PATIENCE = 60_000;

const asking = new AsyncLocalStorage<Asking>();

/** An operation that was accepted, and ended badly: the answer to the question for it said 200. */
export class OperationFailedError extends Error {
  override readonly name = "OperationFailedError";
  /** Azure's, e.g. `SubnetIsFull`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Uses the SDK on behalf of a call. An SDK's call may be several requests, which it makes by itself: each goes through
 * {@link gate}, and is admitted there.
 */
export async function ask<Answer>(
  call: CloudCall,
  use: (asking: Asking) => Promise<Answer>,
): Promise<Answer> {
  call.signal.throwIfAborted();
  const current: Asking = { call };
  try {
    return await asking.run(current, () => use(current));
  } catch (error) {
    if (current.calledOff !== undefined) throw current.calledOff.reason;
    // The SDK has an error of its own for this.
    call.signal.throwIfAborted();
    throw error;
  }
}

/** The last thing that a request passes before it is sent. */
export const gate: Policy = {
  name: "netloomGate",
  async sendRequest(request, next) {
    const current = asking.getStore();
    if (current === undefined) return next(request);
    const { call } = current;
    const action = actionOf(request.method, request.url);
    try {
      call.signal.throwIfAborted();
      await call.admit(action);
      call.signal.throwIfAborted();
    } catch (error) {
      current.calledOff = { reason: error };
      throw error;
    }
    if (request.method === "PUT") {
      // Against the version that it had itself made old, it would be refused as somebody else's.
      if (current.changing === true)
        throw new CloudError({ kind: "ambiguous" }, "the SDK would send a change once more");
      current.changing = true;
    }
    if (request.timeout === 0) request.timeout = PATIENCE;
    const response = await next(request);
    const retryAfter = retryAfterOf(response.headers.get("retry-after"));
    if (retryAfter === undefined) delete current.retryAfter;
    else current.retryAfter = retryAfter;
    if (action === "Operations.Get" && response.status === 200) throwFailure(response.bodyAsText);
    return response;
  },
};

/** The SDK would tell of it in prose. */
function throwFailure(text: string | null | undefined): void {
  const { status, error } = parse(text ?? "");
  if (status === undefined || !/^(failed|cancell?ed)$/i.test(status)) return;
  throw new OperationFailedError(
    error?.code ?? status,
    error?.message ?? `the operation has ended as ${status}`,
  );
}

interface OperationBody {
  readonly status?: string;
  readonly error?: { readonly code?: string; readonly message?: string };
}

function parse(text: string): OperationBody {
  try {
    return (JSON.parse(text) as OperationBody | null) ?? {};
  } catch {
    return {};
  }
}
