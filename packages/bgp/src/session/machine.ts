import { BgpError, type Notification } from "../errors.ts";
import type { PeerConfig } from "../api/config.ts";
import type { PeerState } from "../api/status.ts";
import type { ConnectOptions, Connection } from "../transport/transport.ts";
import { encodeKeepalive, type MessageType } from "../wire/header.ts";
import type { Message } from "../wire/message.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { encodeNotification } from "../wire/notification.ts";
import { encodeOpen, type Open } from "../wire/open.ts";
import { Channel } from "./channel.ts";
import type { Direction } from "./collision.ts";
import { transition, type FsmAction, type FsmEvent } from "./fsm.ts";
import { Inbound, type Delivery } from "./inbound.ts";
import { MachineTimers } from "./machine-timers.ts";
import type { Surroundings } from "./surroundings.ts";

/** A step from one state to another. */
export interface Change {
  readonly from: PeerState;
  readonly to: PeerState;
  readonly event: FsmEvent;
  /** The NOTIFICATION that was sent on the way. */
  readonly sent: Notification | undefined;
}

/** Both OPENs of a session, whole messages as they were on the wire. */
export interface Opens {
  readonly sent: Uint8Array;
  readonly received: Uint8Array;
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
  /** It is idle, and the table wants it to start again. */
  restart(machine: Machine): void;
  deliver(delivery: Delivery): void;
  writable(machine: Machine): void;
}

const KEEPALIVE = encodeKeepalive();

/** One connection with the peer, from the call to the end: carries out what the table of RFC 4271 says. */
export class Machine {
  readonly direction: Direction;
  readonly #around: Surroundings;
  readonly #owner: MachineOwner;
  readonly #timers: MachineTimers;
  #state: PeerState;
  #call: AbortController | undefined;
  #channel: Channel | undefined;
  #parked = false;
  #inbound: Inbound | undefined;
  #greeting: Uint8Array | undefined;
  #sent: Notification | undefined;
  readonly #events: FsmEvent[] = [];
  #running = false;

  constructor(direction: Direction, around: Surroundings, owner: MachineOwner) {
    this.direction = direction;
    this.#around = around;
    this.#owner = owner;
    // Whoever is called has been listening.
    this.#state = direction === "incoming" ? "active" : "idle";
    const facts = () => ({
      ...{ direction, config: owner.config },
      ...{ negotiated: this.negotiated, channel: this.#channel },
    });
    this.#timers = new MachineTimers(around, facts, (event) => {
      this.handle(event);
    });
  }

  get state(): PeerState {
    return this.#state;
  }

  get negotiated(): Negotiated | undefined {
    return this.#inbound?.negotiated;
  }

  get connection(): Connection | undefined {
    return this.#channel?.connection;
  }

  /** Once the peer's has come. */
  get opens(): Opens | undefined {
    const received = this.#inbound?.greeting;
    return received === undefined || this.#greeting === undefined
      ? undefined
      : { sent: this.#greeting, received };
  }

  /** A connection is there, and waits until an OPEN may be sent. */
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
    this.#timers.sending();
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
        if (this.#state === "established") this.#timers.heard();
      },
      closed: (cause) => {
        const message = cause === undefined ? "the peer closed the connection" : cause.message;
        this.#fail(new BgpError("ERR_BGP_TRANSPORT", message, { cause }));
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

  /** Another connection stays. The peer is told, even where no OPEN was sent yet. */
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
    if (to === "idle") this.#end(from, event);
    else this.#owner.changed(this, { from, to, event, sent: this.#sent });
    if (actions.some((action) => action.do === "restart")) this.#owner.restart(this);
  }

  #end(from: PeerState, event: FsmEvent): void {
    this.#timers.clear();
    this.#events.length = 0;
    this.#parked = false;
    const sent = this.#sent;
    this.#sent = undefined;
    this.#owner.changed(this, { from, to: "idle", event, sent });
    this.#inbound = undefined;
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
        this.#timers.arm(action, to);
        break;
      case "disarm":
        this.#timers.disarm(action.timer);
        break;
      case "count-retry":
        this.#owner.countRetry(this, event);
        break;
      case "clear-retries":
        this.#owner.clearRetries();
        break;
      case "deliver": {
        const delivery = this.#inbound?.take();
        if (delivery !== undefined) this.#owner.deliver(delivery);
        break;
      }
      case "restart":
        // When the state has changed.
        break;
    }
  }

  #connect(): void {
    const target = this.#owner.target();
    if (target === undefined) {
      const error = new BgpError("ERR_BGP_TRANSPORT", "nobody knows where the peer is");
      this.handle({ kind: "peer-unknown", error });
      return;
    }
    const call = new AbortController();
    this.#call = call;
    this.#around.transport.connect({ ...target, signal: call.signal }).then(
      (connection) => {
        if (this.#call === call) {
          this.#call = undefined;
          this.attach(connection);
        } else connection.destroy();
      },
      (cause: unknown) => {
        if (this.#call !== call) return;
        this.#call = undefined;
        this.#fail(transportError(cause));
      },
    );
  }

  #fail(error: BgpError): void {
    this.handle({ kind: "tcp-fails", error });
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
    const ours = this.#owner.open();
    this.#inbound = new Inbound(ours, this.#owner.config, this.#around.updateReader);
    const greeting = encodeOpen(ours);
    this.#greeting = greeting.slice();
    this.send("open", greeting);
    this.#channel?.read();
  }

  #notify(notification: Notification): void {
    this.#sent = notification;
    this.send("notification", encodeNotification(notification));
  }

  #message(message: Message): void {
    this.#around.tally.received[message.type] += 1;
    const inbound = this.#inbound;
    if (inbound === undefined) return;
    const event = inbound.event(message, this.#state);
    if (event.kind === "open" && this.#state === "open-sent") this.#opened(inbound, event);
    else this.handle(event);
  }

  #opened({ remote, negotiated }: Inbound, event: FsmEvent): void {
    if (remote === undefined || negotiated === undefined) return;
    if (this.#owner.mayConfirm(this, remote)) {
      this.#channel?.setMaximum(negotiated.context.maxMessage);
      this.handle(event);
    } else this.handle({ kind: "collision-dump" });
  }
}

function notificationOf(event: FsmEvent): Notification | undefined {
  if ("error" in event) return event.error.notification;
  return "notification" in event ? event.notification : undefined;
}

function transportError(cause: unknown): BgpError {
  if (cause instanceof BgpError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BgpError("ERR_BGP_TRANSPORT", message, { cause });
}
