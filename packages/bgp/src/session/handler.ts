import type { BgpError, Notification } from "../errors.ts";
import type { PeerState } from "../api/status.ts";
import type { Family } from "../wire/family.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import type { Update } from "../wire/update.ts";
import type { FsmEventKind } from "./fsm.ts";

/** How a session has ended. */
export interface Down {
  /** The peer's routes may be kept until it is back: RFC 4724, RFC 8538. */
  readonly graceful: boolean;
  /** The last word, of either side. */
  readonly notification: Notification | undefined;
  /** The notification was ours. */
  readonly sent: boolean;
  /** What ended it. */
  readonly event: FsmEventKind;
}

/** Who is told of a session. Called one at a time; may call the session. */
export interface SessionHandler {
  /** Before {@link established} and {@link down}. */
  stateChanged(from: PeerState, to: PeerState, reason: BgpError | undefined): void;
  established(negotiated: Negotiated): void;
  /** Many may come in one turn of the event loop. Both are borrowed during the call; `message` is all of it, as it came. */
  update(update: Update, message: Uint8Array): void;
  refreshRequested(family: Family, kind: "request" | "begin" | "end"): void;
  /** Once for each {@link established}. */
  down(reason: BgpError | undefined, how: Down): void;
  /** There is room for what is sent, after there was none. */
  writable(): void;
}
