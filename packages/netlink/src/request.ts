import { type Body, encode, type MessageWriter } from "./wire/writer.ts";

/**
 * One rtnetlink request, ready to be sent: checked and encoded, but not yet bound to a namespace. Made by
 * `addRoute`, `deleteLink` and their kin; run by `Rtnl.execute`, `Rtnl.batch` and their asynchronous
 * variants. May be sent many times.
 */
export interface Request {
  /** For errors: `add route 10.0.0.0/24`. */
  readonly op: string;
  /** Message type (RTM_*). */
  readonly type: number;
  /** NLM_F_* beyond REQUEST and ACK. */
  readonly flags: number;
  /** Everything after the netlink header, and which of its bytes depend on the namespace. */
  readonly body: Body;
}

/** For requests that wait their turn and then for the kernel. */
export interface AsyncOptions {
  /**
   * Calls off what has not been sent yet, and rejects with its reason. What the kernel has begun, it
   * finishes.
   */
  readonly signal?: AbortSignal;
}

/** @internal */
export function request(
  op: string,
  type: number,
  flags: number,
  write: (writer: MessageWriter, op: string) => void,
): Request {
  return {
    op,
    type,
    flags,
    body: encode((writer) => {
      write(writer, op);
    }),
  };
}
