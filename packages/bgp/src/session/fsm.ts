import type { BgpError, Notification } from "../errors.ts";
import type { PeerState } from "../api/status.ts";

/**
 * What can happen to a session: RFC 4271 section 8.1, number by number. Left out is what belongs to DelayOpen (12, 20)
 * and to connections that are tracked before they are there (14, 15). Oscillation damping (6, 7, 13) is the idle hold: it
 * ends in an automatic start.
 */
export type FsmEvent =
  /** 1, 3, 4, 5 */
  | {
      readonly kind: "manual-start" | "automatic-start" | "manual-start-passive" | "automatic-start-passive";
    }
  /** 2, 8. Without a notification: the connection ends without a word. */
  | {
      readonly kind: "manual-stop" | "automatic-stop";
      readonly notification: Notification | undefined;
    }
  /** 9, 11 */
  | { readonly kind: "connect-retry-expires" | "keepalive-expires" }
  /** 10, and 29 of RFC 9687 */
  | { readonly kind: "hold-expires" | "send-hold-expires" }
  /** 16: ours was accepted; 17: theirs was */
  | { readonly kind: "tcp-acked" | "tcp-confirmed" }
  /** 18 */
  | { readonly kind: "tcp-fails"; readonly error: BgpError }
  /** Not of RFC 4271: there is nobody to call, as long as an unnumbered peer has not shown itself. */
  | { readonly kind: "peer-unknown"; readonly error: BgpError }
  /** 21, 22, 28: the error's notification is the answer */
  | { readonly kind: "header-error" | "open-error" | "update-error"; readonly error: BgpError }
  /** 23 */
  | { readonly kind: "collision-dump" }
  /** 24, 25 */
  | {
      readonly kind: "notification-version-error" | "notification";
      readonly notification: Notification;
    }
  /** 19, 26, 27, and RFC 2918's message */
  | { readonly kind: "open" | "keepalive" | "update" | "route-refresh" };

export type FsmEventKind = FsmEvent["kind"];

export type TimerName = "connect-retry" | "hold" | "keepalive" | "send-hold";

/** What is to be done about it, in order. */
export type FsmAction =
  /** Calls the peer. */
  | { readonly do: "connect" }
  /** Ends the connection, or the attempt at one. */
  | { readonly do: "drop" }
  | { readonly do: "send-open" }
  | { readonly do: "send-keepalive" }
  /** A NOTIFICATION: this one, or the one that the event brings. */
  | {
      readonly do: "notify";
      readonly notification: { readonly code: number; readonly subcode: number } | "of-event";
    }
  /** `large`: what RFC 4271 suggests while no hold time has been agreed on, 4 minutes. */
  | { readonly do: "arm"; readonly timer: TimerName; readonly large?: true }
  | { readonly do: "disarm"; readonly timer: TimerName }
  /** ConnectRetryCounter: how long the next idle hold is. */
  | { readonly do: "count-retry" }
  | { readonly do: "clear-retries" }
  /** Starts again, automatically, after the idle hold. */
  | { readonly do: "restart" }
  /** The message is passed on. */
  | { readonly do: "deliver" };

export interface Transition {
  readonly to: PeerState;
  readonly actions: readonly FsmAction[];
}

type Row = Readonly<Record<FsmEventKind, Transition>>;

const connect: FsmAction = { do: "connect" };
const drop: FsmAction = { do: "drop" };
const sendOpen: FsmAction = { do: "send-open" };
const sendKeepalive: FsmAction = { do: "send-keepalive" };
const countRetry: FsmAction = { do: "count-retry" };
const clearRetries: FsmAction = { do: "clear-retries" };
const restart: FsmAction = { do: "restart" };
const deliver: FsmAction = { do: "deliver" };
const notifyOfEvent: FsmAction = { do: "notify", notification: "of-event" };
const holdLarge: FsmAction = { do: "arm", timer: "hold", large: true };
const arm = (timer: TimerName): FsmAction => ({ do: "arm", timer });
const disarm = (timer: TimerName): FsmAction => ({ do: "disarm", timer });
const notify = (code: number, subcode: number): FsmAction => ({
  do: "notify",
  notification: { code, subcode },
});

const to = (state: PeerState, ...actions: readonly FsmAction[]): Transition => ({ to: state, actions });

/** Hold Timer Expired, Cease for a collision, Send Hold Timer Expired; Finite State Machine Error is each state's. */
const HOLD_EXPIRED = notify(4, 0);
const COLLISION = notify(6, 7);
const SEND_HOLD_EXPIRED = notify(8, 0);

/** "Releases all BGP resources, drops the TCP connection, increments ConnectRetryCounter by 1, changes to Idle." */
const fail = (...before: readonly FsmAction[]): Transition =>
  to("idle", disarm("connect-retry"), ...before, drop, countRetry, restart);
/** The same, and it does not count: an administrator did it. */
const stop = (...before: readonly FsmAction[]): Transition =>
  to("idle", ...before, drop, clearRetries, disarm("connect-retry"));
/** As the peer is not to blame, the next attempt comes as soon as the last. */
const failUncounted = to("idle", disarm("connect-retry"), drop, restart);

const KINDS: readonly FsmEventKind[] = [
  ...["manual-start", "automatic-start", "manual-start-passive", "automatic-start-passive"],
  ...["manual-stop", "automatic-stop"],
  ...["connect-retry-expires", "keepalive-expires", "hold-expires", "send-hold-expires"],
  ...["tcp-acked", "tcp-confirmed", "tcp-fails", "peer-unknown"],
  ...["header-error", "open-error", "update-error", "collision-dump"],
  ...["notification-version-error", "notification"],
  ...["open", "keepalive", "update", "route-refresh"],
] as readonly FsmEventKind[];

/** "Any other event." */
const any = (transition: Transition): Row =>
  Object.fromEntries(KINDS.map((kind) => [kind, transition])) as Record<FsmEventKind, Transition>;

/** "The start events are ignored." */
const startsIgnored = (state: PeerState): Pick<Row, FsmEventKind & `${string}-start${string}`> => ({
  "manual-start": to(state),
  "automatic-start": to(state),
  "manual-start-passive": to(state),
  "automatic-start-passive": to(state),
});

/** "Stops the ConnectRetryTimer, sends an OPEN message, sets the HoldTimer to a large value, changes to OpenSent." */
const greet = to("open-sent", disarm("connect-retry"), sendOpen, holdLarge);

/** What holds in OpenSent, OpenConfirm and Established alike. */
const connected = (state: PeerState, unexpected: FsmAction): Row => ({
  // RFC 6608: the subcode says where the message was not expected.
  ...any(fail(unexpected)),
  ...startsIgnored(state),
  "manual-stop": stop(notifyOfEvent),
  "automatic-stop": fail(notifyOfEvent),
  "hold-expires": fail(HOLD_EXPIRED),
  "send-hold-expires": fail(SEND_HOLD_EXPIRED),
  // Also in Established, where section 8.2.2 has a state machine error, and section 6.1 this.
  "header-error": fail(notifyOfEvent),
  "collision-dump": fail(COLLISION),
  "tcp-fails": fail(),
  "notification-version-error": failUncounted,
  // Also in OpenSent, where section 8.2.2 answers it: nobody answers a NOTIFICATION (section 6.4).
  notification: fail(),
});

/**
 * The state machine of a session: RFC 4271 section 8.2.2, with RFC 6608 and RFC 9687. One machine runs for each connection
 * (section 8.2.1); which of two stays is decided outside.
 */
export const TABLE: Readonly<Record<PeerState, Row>> = {
  idle: {
    ...any(to("idle")),
    "manual-start": to("connect", clearRetries, arm("connect-retry"), connect),
    "manual-start-passive": to("active", clearRetries, arm("connect-retry")),
    // After an idle hold the counter stays: the next one is to be longer.
    "automatic-start": to("connect", arm("connect-retry"), connect),
    "automatic-start-passive": to("active", arm("connect-retry")),
  },
  connect: {
    ...any(fail()),
    ...startsIgnored("connect"),
    "manual-stop": stop(),
    "connect-retry-expires": to("connect", drop, arm("connect-retry"), connect),
    // No failure of the peer's: whoever shows up is not to wait for what came before.
    "peer-unknown": to("idle", disarm("connect-retry"), clearRetries, restart),
    "tcp-acked": greet,
    "tcp-confirmed": greet,
  },
  active: {
    ...any(fail()),
    ...startsIgnored("active"),
    "manual-stop": stop(),
    "connect-retry-expires": to("connect", arm("connect-retry"), connect),
    "tcp-acked": greet,
    "tcp-confirmed": greet,
  },
  "open-sent": {
    ...connected("open-sent", notify(5, 1)),
    "tcp-fails": to("active", drop, arm("connect-retry"), disarm("hold")),
    "open-error": fail(notifyOfEvent),
    open: to("open-confirm", disarm("connect-retry"), sendKeepalive, arm("keepalive"), arm("hold")),
  },
  "open-confirm": {
    ...connected("open-confirm", notify(5, 2)),
    "keepalive-expires": to("open-confirm", sendKeepalive, arm("keepalive")),
    keepalive: to("established", arm("hold"), arm("send-hold")),
  },
  established: {
    ...connected("established", notify(5, 3)),
    "keepalive-expires": to("established", sendKeepalive, arm("keepalive")),
    keepalive: to("established", arm("hold")),
    update: to("established", deliver, arm("hold")),
    "update-error": fail(notifyOfEvent),
    "route-refresh": to("established", deliver, arm("hold")),
  },
};

export function transition(state: PeerState, event: FsmEvent): Transition {
  return TABLE[state][event.kind];
}
