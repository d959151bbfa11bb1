import { BgpError, type Notification } from "../errors.ts";
import type { Clock, Random } from "../clock.ts";
import type { PeerConfig } from "../speaker/config.ts";
import type { PeerState } from "../speaker/status.ts";
import type { ConnectOptions, Connection, Transport } from "../transport/transport.ts";
import type { WireContext } from "../wire/context.ts";
import { encodeKeepalive, type MessageType } from "../wire/header.ts";
import type { Message } from "../wire/message.ts";
import { negotiate, type Negotiated } from "../wire/negotiate.ts";
import { decodeNotification, encodeNotification } from "../wire/notification.ts";
import { decodeOpen, encodeOpen, type Open } from "../wire/open.ts";
import { decodeRouteRefresh, type RouteRefresh } from "../wire/route-refresh.ts";
import type { Update } from "../wire/update.ts";
import { Channel } from "./channel.ts";
import type { Direction } from "./collision.ts";
import { transition, type FsmAction, type FsmEvent, type TimerName } from "./fsm.ts";
import { SendHold } from "./send-hold.ts";
import type { Slices } from "./slices.ts";
import type { Tally } from "./stats.ts";
import { jittered, Timers, Watchdog, type Turn } from "./timers.ts";

/** Reads UPDATEs of one session. */
export interface UpdateReader {
  /** @throws {@link BgpError} `ERR_BGP_MESSAGE`: the session has to end. */
  decode(message: Uint8Array): Update;
}

/** What a machine lives in. */
export interface Surroundings {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly turn: Turn;
  readonly slices: Slices;
  readonly tally: Tally;
  readonly updateReader: (context: WireContext) => UpdateReader;
}

/** A step from one state to another. */
export interface Change {
  readonly from: PeerState;
  readonly to: PeerState;
  readonly event: FsmEvent;
  /** The NOTIFICATION that was sent on the way. */
  readonly sent: Notification | undefined;
}

/** Who decides what one connection alone cannot. */
export interface MachineOwner {
  readonly config: PeerConfig;
  /** Whom to call; `undefined`: nobody knows (yet). */
  target(): Omit<ConnectOptions, "signal"> | undefined;
  /** What to say of ourselves. */
  open(): Open;
  /** The connection is there: may an OPEN be sent? If not, it waits for {@link Machine.proceed}. */
  mayGreet(machine: Machine): boolean;
  /** A valid OPEN has come: may the connection stay (RFC 4271 section 6.8)? */
  mayConfirm(machine: Machine, remote: Open): boolean;
  changed(machine: Machine, change: Change): void;
  countRetry(machine: Machine, event: FsmEvent): void;
  clearRetries(): void;
  restart(machine: Machine, event: FsmEvent): void;
  update(update: Update): void;
  refresh(refresh: RouteRefresh): void;
  writable(machine: Machine): void;
}

/** Milliseconds: "a HoldTimer value of 4 minutes is suggested". */
const LARGE_HOLD = 240_000;
const CONNECT_RETRY = 5;
/** Seconds, at least: RFC 9687 section 3.1. */
const SEND_HOLD = 480;

const KEEPALIVE = encodeKeepalive();
const EVENTS = {
  open: { kind: "open" },
  keepalive: { kind: "keepalive" },
  update: { kind: "update" },
  "route-refresh": { kind: "route-refresh" },
} as const;

/** One connection with the peer, from the call to the end: carries out what the table of RFC 4271 says. */
export class Machine {
  readonly direction: Direction;
  readonly #around: Surroundings;
  readonly #owner: MachineOwner;
  readonly #timers: Timers<"connect-retry" | "keepalive">;
  readonly #hold: Watchdog;
  readonly #sendHold: SendHold;
  #state: PeerState;
  #call: AbortController | undefined;
  #channel: Channel | undefined;
  #parked = false;
  #ours: Open | undefined;
  #negotiated: Negotiated | undefined;
  #reader: UpdateReader | undefined;
  #delivery: Update | RouteRefresh | undefined;
  #sent: Notification | undefined;
  readonly #events: FsmEvent[] = [];
  #running = false;

  constructor(direction: Direction, around: Surroundings, owner: MachineOwner) {
    this.direction = direction;
    this.#around = around;
    this.#owner = owner;
    // Whoever is called has been listening.
    this.#state = direction === "incoming" ? "active" : "idle";
    this.#timers = new Timers(around.clock, (name) => {
      this.handle({ kind: `${name}-expires` });
    });
    this.#hold = new Watchdog(around.clock, around.turn, () => {
      this.#holdExpired();
    });
    this.#sendHold = new SendHold(around.clock, () => {
      this.handle({ kind: "send-hold-expires" });
    });
  }

  get state(): PeerState {
    return this.#state;
  }

  get negotiated(): Negotiated | undefined {
    return this.#negotiated;
  }

  get connection(): Connection | undefined {
    return this.#channel?.connection;
  }

  /** A connection is there, and no OPEN has been sent. */
  get parked(): boolean {
    return this.#parked;
  }

  get writable(): boolean {
    return this.#channel?.writable ?? false;
  }

  /** When the connection is closed; at once where there is none. */
  get closed(): Promise<void> {
    return this.#channel?.gone ?? Promise.resolve();
  }

  send(type: MessageType, message: Uint8Array): void {
    if (this.#channel === undefined) return;
    this.#sendHold.sending();
    this.#around.tally.sent[type] += 1;
    this.#channel.send(message);
  }

  /** A connection that was made: the peer's call, or the answer to ours. */
  attach(connection: Connection): void {
    this.#channel = new Channel(connection, this.#around.slices, {
      message: (message) => {
        this.#message(message);
      },
      malformed: (error) => {
        this.handle({ kind: "header-error", error });
      },
      heard: () => {
        // Before, only a whole message counts: bytes in dribs and drabs must not hold a place.
        if (this.#state === "established") this.#hold.sign();
      },
      closed: (cause) => {
        const message = cause === undefined ? "the peer closed the connection" : cause.message;
        this.handle({
          kind: "tcp-fails",
          error: new BgpError("ERR_BGP_TRANSPORT", message, { cause }),
        });
      },
      writable: () => {
        this.#owner.writable(this);
      },
    });
    this.#parked = true;
    this.#timers.disarm("connect-retry");
    if (this.#owner.mayGreet(this)) this.proceed();
  }

  /** A connection that waited for its turn has it now. */
  proceed(): void {
    if (!this.#parked) return;
    this.#parked = false;
    this.handle({ kind: this.direction === "outgoing" ? "tcp-acked" : "tcp-confirmed" });
  }

  /** Says why, even where the state machine would not, and ends. */
  refuse(notification: Notification): void {
    if (this.#parked) this.#notify(notification);
    this.handle({ kind: "collision-dump" });
  }

  /** Events that come up meanwhile are next: each is handled to its end. */
  handle(event: FsmEvent): void {
    this.#events.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#running = false;
    }
  }

  #step(event: FsmEvent): void {
    const from = this.#state;
    const { to, actions } = transition(from, event);
    for (const action of actions) this.#act(action, event, to);
    if (from === to) return;
    this.#state = to;
    const sent = this.#sent;
    if (to === "idle") this.#clear();
    this.#owner.changed(this, { from, to, event, sent });
    if (to === "idle") this.#forget();
    if (actions.some((action) => action.do === "restart")) this.#owner.restart(this, event);
  }

  #clear(): void {
    this.#timers.clear();
    this.#hold.disarm();
    this.#sendHold.disarm();
    this.#events.length = 0;
  }

  #forget(): void {
    this.#parked = false;
    this.#sent = undefined;
    this.#negotiated = undefined;
    this.#reader = undefined;
    this.#ours = undefined;
  }

  #act(action: FsmAction, event: FsmEvent, to: PeerState): void {
    switch (action.do) {
      case "connect":
        this.#connect();
        break;
      case "drop":
        this.#drop(event);
        break;
      case "send-open":
        this.#greet();
        break;
      case "send-keepalive":
        this.send("keepalive", KEEPALIVE.slice());
        break;
      case "notify": {
        const notification = action.notification === "of-event" ? notificationOf(event) : action.notification;
        if (notification !== undefined) this.#notify({ data: new Uint8Array(0), ...notification });
        break;
      }
      case "arm":
        this.#arm(action.timer, action.large === true, to);
        break;
      case "disarm":
        this.#disarm(action.timer);
        break;
      case "count-retry":
        this.#owner.countRetry(this, event);
        break;
      case "clear-retries":
        this.#owner.clearRetries();
        break;
      case "deliver":
        this.#deliver();
        break;
      case "restart":
        // When the state has changed.
        break;
    }
  }

  #connect(): void {
    const target = this.#owner.target();
    if (target === undefined) {
      this.handle({
        kind: "tcp-fails",
        error: new BgpError("ERR_BGP_TRANSPORT", "nobody knows where the peer is"),
      });
      return;
    }
    const call = new AbortController();
    this.#call = call;
    this.#around.transport.connect({ ...target, signal: call.signal }).then(
      (connection) => {
        if (this.#call !== call) {
          connection.destroy();
          return;
        }
        this.#call = undefined;
        this.attach(connection);
      },
      (cause: unknown) => {
        if (this.#call !== call) return;
        this.#call = undefined;
        this.handle({ kind: "tcp-fails", error: transportError(cause) });
      },
    );
  }

  #drop(event: FsmEvent): void {
    const call = this.#call;
    this.#call = undefined;
    call?.abort(new BgpError("ERR_BGP_CLOSED", "the call was given up"));
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined) return;
    if (this.#sent !== undefined || event.kind === "manual-stop") channel.end();
    else channel.destroy();
  }

  #greet(): void {
    this.#ours = this.#owner.open();
    this.send("open", encodeOpen(this.#ours));
    this.#channel?.read();
  }

  #notify(notification: Notification): void {
    this.#sent = notification;
    this.send("notification", encodeNotification(notification));
  }

  #arm(timer: TimerName, large: boolean, to: PeerState): void {
    const { timers = {}, passive = false } = this.#owner.config;
    const holdTime = this.#negotiated?.holdTime ?? 0;
    switch (timer) {
      case "connect-retry": {
        // RFC 4271 has it run for passive peers too, which would end with a call.
        const seconds = timers.connectRetry ?? CONNECT_RETRY;
        if (!passive && this.direction === "outgoing")
          this.#timers.arm(timer, jittered(seconds * 1000, this.#around.random));
        break;
      }
      case "keepalive": {
        const seconds = this.#negotiated?.keepalive ?? 0;
        if (seconds > 0) this.#timers.arm(timer, jittered(seconds * 1000, this.#around.random));
        break;
      }
      case "hold":
        if (large) this.#hold.arm(LARGE_HOLD);
        else if (holdTime > 0) this.#hold.arm(holdTime * 1000);
        // Without a hold time, the peer still has to finish what it has begun.
        else if (to === "established") this.#hold.disarm();
        break;
      case "send-hold":
        if (holdTime > 0 && this.#channel !== undefined) {
          const seconds = timers.sendHold ?? Math.max(SEND_HOLD, 2 * holdTime);
          this.#sendHold.arm(seconds * 1000, this.#channel);
        }
        break;
    }
  }

  #disarm(timer: TimerName): void {
    if (timer === "hold") this.#hold.disarm();
    else if (timer === "send-hold") this.#sendHold.disarm();
    else this.#timers.disarm(timer);
  }

  #holdExpired(): void {
    // What has come and was not read yet is as good as read.
    if (this.#channel?.behind === true)
      this.#hold.arm((this.#negotiated?.holdTime ?? 0) * 1000 || LARGE_HOLD);
    else this.handle({ kind: "hold-expires" });
  }

  #message({ type, bytes }: Message): void {
    this.#around.tally.received[type] += 1;
    switch (type) {
      case "open":
        if (this.#state === "open-sent") this.#opened(bytes);
        else this.handle(EVENTS.open);
        break;
      case "notification": {
        const notification = decodeNotification(bytes);
        const version = notification.code === 2 && notification.subcode === 1;
        this.handle({ kind: version ? "notification-version-error" : "notification", notification });
        break;
      }
      case "keepalive":
        this.handle(EVENTS.keepalive);
        break;
      case "update":
      case "route-refresh":
        if (this.#state === "established") this.#received(type, bytes);
        else this.handle(EVENTS[type]);
        break;
    }
  }

  #opened(bytes: Uint8Array): void {
    const { remoteAsn, timers, strictRole } = this.#owner.config;
    try {
      const remote = decodeOpen(bytes);
      const facts = { remoteAsn, keepalive: timers?.keepalive, strictRole };
      const negotiated = negotiate(this.#ours as Open, remote, facts);
      if (!this.#owner.mayConfirm(this, remote)) {
        this.handle({ kind: "collision-dump" });
        return;
      }
      this.#negotiated = negotiated;
    } catch (error) {
      this.handle({ kind: "open-error", error: bgpError(error) });
      return;
    }
    this.#channel?.setMaximum(this.#negotiated.context.maxMessage);
    this.#reader = this.#around.updateReader(this.#negotiated.context);
    this.handle(EVENTS.open);
  }

  #received(type: "update" | "route-refresh", bytes: Uint8Array): void {
    try {
      this.#delivery = type === "update" ? this.#reader?.decode(bytes) : decodeRouteRefresh(bytes);
    } catch (error) {
      this.handle({ kind: "update-error", error: bgpError(error) });
      return;
    }
    this.handle(EVENTS[type]);
  }

  #deliver(): void {
    const delivery = this.#delivery;
    this.#delivery = undefined;
    if (delivery === undefined) return;
    if ("reach" in delivery) this.#owner.update(delivery);
    else this.#owner.refresh(delivery);
  }
}

function notificationOf(event: FsmEvent): Notification | undefined {
  if ("error" in event) return event.error.notification;
  return "notification" in event ? event.notification : undefined;
}

/** Anything else is a fault of ours, and not the peer's. */
function bgpError(error: unknown): BgpError {
  if (error instanceof BgpError) return error;
  throw error;
}

function transportError(cause: unknown): BgpError {
  if (cause instanceof BgpError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BgpError("ERR_BGP_TRANSPORT", message, { cause });
}
