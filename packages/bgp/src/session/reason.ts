import { BgpError, type Notification } from "../errors.ts";
import type { PeerState } from "../api/status.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { describeNotification, unwrapHardReset } from "../wire/notification.ts";
import type { FsmEvent } from "./fsm.ts";

/**
 * Why an event ended a session, or an attempt at one.
 *
 * @param sent - the NOTIFICATION it was answered with
 */
export function reasonOf(event: FsmEvent, state: PeerState, sent: Notification | undefined): BgpError {
  const options = { notification: sent };
  switch (event.kind) {
    case "tcp-fails":
    case "peer-unknown":
    case "header-error":
    case "open-error":
    case "update-error":
      return event.error;
    case "notification":
    case "notification-version-error":
      return new BgpError(
        "ERR_BGP_NOTIFIED",
        `the peer sent NOTIFICATION ${describeNotification(event.notification)}`,
        { notification: event.notification },
      );
    case "hold-expires":
      return new BgpError("ERR_BGP_TIMEOUT", `nothing heard of the peer in ${state}`, options);
    case "send-hold-expires":
      return new BgpError("ERR_BGP_TIMEOUT", "the peer takes nothing of what is sent", options);
    case "collision-dump":
      return new BgpError("ERR_BGP_CLOSED", "another connection with the peer stays", options);
    case "manual-stop":
    case "automatic-stop":
      return new BgpError(
        "ERR_BGP_CLOSED",
        sent === undefined ? "closed here, without a word" : `closed here: ${describeNotification(sent)}`,
        options,
      );
    default:
      return new BgpError("ERR_BGP_MESSAGE", `${event.kind} was not expected in ${state}`, options);
  }
}

/**
 * Whether the peer's routes may be kept after its session has ended: it can restart gracefully (RFC 4724 section 4.2), and
 * there was no NOTIFICATION, in either direction, or one that both survive (RFC 8538 section 4).
 */
export function keepsRoutes(negotiated: Negotiated, notification: Notification | undefined): boolean {
  const restart = negotiated.gracefulRestart;
  if (restart === undefined || restart.families.length === 0) return false;
  return notification === undefined || (restart.notification && !unwrapHardReset(notification).hard);
}
