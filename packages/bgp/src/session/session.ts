import { systemClock, type Clock, type Random, type Timer } from "../clock.ts";
import { BgpError, type Notification } from "../errors.ts";
import type { PeerConfig } from "../speaker/config.ts";
import type { PeerState } from "../speaker/status.ts";
import type { Connection, ConnectOptions, Transport } from "../transport/transport.ts";
import type { WireContext } from "../wire/context.ts";
import type { MessageType } from "../wire/header.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { CEASE, encodeNotification } from "../wire/notification.ts";
import type { Open } from "../wire/open.ts";
import { NOTIFICATION } from "../wire/refusal.ts";
import type { RouteRefresh } from "../wire/route-refresh.ts";
import { UpdateDecoder } from "../wire/update-decoder.ts";
import { firstDelay, forgiveAfter, idleHold } from "./backoff.ts";
import { ceaseNotification, type CeaseReason } from "./cease.ts";
import { survivor, type Speaking } from "./collision.ts";
import type { FsmEvent } from "./fsm.ts";
import type { SessionHandler } from "./handler.ts";
import { Machine, type Change, type MachineOwner, type Surroundings, type UpdateReader } from "./machine.ts";
import { openOf, type OpenFacts } from "./open.ts";
import { keepsRoutes, reasonOf } from "./reason.ts";
import { Slices, systemSlices } from "./slices.ts";
import { Tally, type LastError, type SessionStats } from "./stats.ts";
import { BGP_PORT, configuredTarget, socketOptions, type Target } from "./target.ts";
import { systemTurn, type Turn } from "./timers.ts";

export interface SessionOptions {
  readonly config: PeerConfig;
  readonly local: Speaking;
  /** Asked at each OPEN. @defaultValue not restarting */
  readonly facts?: (() => OpenFacts) | undefined;
  /** Asked at each call; `undefined`: not now. @defaultValue what the configuration says */
  readonly resolve?: (() => Target | undefined) | undefined;
  readonly transport: Transport;
  /** @defaultValue the system's */
  readonly clock?: Clock | undefined;
  /** @defaultValue `Math.random` */
  readonly random?: Random | undefined;
  /** @defaultValue `setImmediate` */
  readonly turn?: Turn | undefined;
  /** To be shared by all sessions of a thread. @defaultValue the process's, or its own where it has a clock or turn of its own */
  readonly slices?: Slices | undefined;
  /** @defaultValue an `UpdateDecoder` */
  readonly updateReader?: ((context: WireContext) => UpdateReader) | undefined;
  readonly handler: SessionHandler;
}

/** Milliseconds after a failure in which the peer's next call is kept waiting. */
const BREATH = 1000;
const LAST_WORDS = 2000;
const CONNECT_RETRY = 5;

const STATES: readonly PeerState[] = [
  "idle",
  "connect",
  "active",
  "open-sent",
  "open-confirm",
  "established",
];

/** A typed array of numbers on the wire, by type. */
const TYPES: readonly (MessageType | undefined)[] = [
  undefined,
  "open",
  "update",
  "notification",
  "keepalive",
  "route-refresh",
];

/**
 * The session with one peer: RFC 4271 section 8. It calls the peer, takes its calls, and sees to it that one connection
 * stays; when that is gone it begins again, later each time it fails.
 *
 * Both directions are tried at once, and what is decided is decided so that both sides come to the same: who has confirmed
 * the peer's OPEN on one connection sends none on another, which waits for what becomes of the first.
 */
export class Session {
  readonly #handler: SessionHandler;
  readonly #local: Speaking;
  readonly #facts: () => OpenFacts;
  readonly #resolve: (() => Target | undefined) | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #around: Surroundings;
  readonly #owner: MachineOwner;
  readonly #tally = new Tally();
  #config: PeerConfig;
  #started = false;
  /** Our call, or the wait for it. */
  #outgoing: Machine | undefined;
  /** The peer's call. */
  #incoming: Machine | undefined;
  /** The one that is established. */
  #current: Machine | undefined;
  #retryTimer: Timer | undefined;
  #breathTimer: Timer | undefined;
  #breathUntil = -Infinity;
  #retries = 0;
  #hurry = false;
  #state: PeerState = "idle";
  #lastError: LastError | undefined;
  #established = 0;
  #establishedAt: number | undefined;
  #establishedSince = 0;
  #changedAt: number;
  #refused = 0;

  constructor(options: SessionOptions) {
    const { config, local, transport, handler } = options;
    this.#config = config;
    this.#local = local;
    this.#handler = handler;
    this.#facts = options.facts ?? (() => ({ restarting: false }));
    this.#resolve = options.resolve;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#changedAt = this.#clock.now();
    this.#around = {
      transport,
      clock: this.#clock,
      random: this.#random,
      turn: options.turn ?? systemTurn,
      slices: options.slices ?? slicesOf(options),
      tally: this.#tally,
      updateReader: options.updateReader ?? ((context) => new UpdateDecoder(context)),
    };
    this.#owner = this.#asOwner();
  }

  get state(): PeerState {
    return this.#state;
  }

  /** `undefined` when not established. */
  get negotiated(): Negotiated | undefined {
    return this.#current?.negotiated;
  }

  /** Of the established session. */
  get connection(): Connection | undefined {
    return this.#current?.connection;
  }

  get lastError(): LastError | undefined {
    return this.#lastError;
  }

  get stats(): SessionStats {
    return {
      received: { ...this.#tally.received },
      sent: { ...this.#tally.sent },
      established: this.#established,
      establishedAt: this.#establishedAt,
      changedAt: this.#changedAt,
      refused: this.#refused,
    };
  }

  /** Whether there is room for more: no more than 256 KiB wait for the peer. Else {@link SessionHandler.writable} tells. */
  get writable(): boolean {
    return this.#current?.writable ?? false;
  }

  /** Begins: after up to 500 ms with a call, or at once with waiting for one. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#retries = 0;
    const machine = new Machine("outgoing", this.#around, this.#owner);
    this.#outgoing = machine;
    if (this.#config.passive === true) machine.handle({ kind: "manual-start-passive" });
    else
      this.#later(firstDelay(this.#random), () => {
        machine.handle({ kind: "manual-start" });
      });
  }

  /**
   * Ends, and stays so.
   *
   * @param reason - what the peer is told; `silent`: nothing, so that it may keep our routes. @defaultValue administrative
   * shutdown (RFC 4486 subcode 2)
   * @returns when the connections are closed: after 2 seconds at most
   */
  async stop(reason: CeaseReason | "silent" = { subcode: CEASE.administrativeShutdown }): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#cancelTimers();
    const machines = this.#machines();
    const closed = machines.map((machine) => machine.closed);
    for (const machine of machines) {
      const notification = reason === "silent" ? undefined : ceaseNotification(reason, machine.negotiated);
      machine.handle({ kind: "manual-stop", notification });
    }
    this.#outgoing = undefined;
    this.#incoming = undefined;
    this.#report(undefined);
    await Promise.all(closed);
  }

  /** Ends, and begins again. After an administrative reset (4) or a change of configuration (6) it does so at once. */
  reset(subcode: number, message?: string, options: { readonly hard?: boolean } = {}): void {
    if (!this.#started) return;
    this.#hurry = subcode === CEASE.administrativeReset || subcode === CEASE.otherConfigurationChange;
    for (const machine of this.#machines()) {
      if (machine.state === "idle") continue;
      const notification = ceaseNotification({ subcode, message, hard: options.hard }, machine.negotiated);
      machine.handle({ kind: "automatic-stop", notification });
    }
    this.#hurry = false;
  }

  /** Calls now, if it is waiting to: whom to call has become known. */
  retry(): void {
    if (this.#outgoing?.state !== "idle" || this.#retryTimer === undefined) return;
    this.#retryTimer.cancel();
    this.#begin();
  }

  /** Is this from the next OPEN on; a session that stands stays as it is. */
  configure(config: PeerConfig): void {
    this.#config = config;
  }

  /** A call of this peer. */
  accept(connection: Connection): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#refused += 1;
      turnAway(connection, refusal);
      return;
    }
    const machine = new Machine("incoming", this.#around, this.#owner);
    this.#incoming = machine;
    machine.attach(connection);
    this.#report(undefined);
  }

  /** A whole message, which it takes over. Nothing happens where no session is established. */
  send(message: Uint8Array): void {
    const type = TYPES[message[18] ?? 0];
    if (type !== undefined) this.#current?.send(type, message);
  }

  #refusal(): Notification | undefined {
    if (!this.#started) {
      const { shutdown } = this.#config;
      const subcode = shutdown === undefined ? CEASE.connectionRejected : CEASE.administrativeShutdown;
      return ceaseNotification({ subcode, message: shutdown }, undefined);
    }
    if (this.#incoming !== undefined)
      return ceaseNotification({ subcode: CEASE.connectionRejected }, undefined);
    // RFC 4724 section 5: a peer that can restart calls again because it has.
    if (this.#current !== undefined && !this.#canRestart(this.#current))
      return ceaseNotification({ subcode: CEASE.collisionResolution }, undefined);
    return undefined;
  }

  #canRestart(machine: Machine): boolean {
    return machine.negotiated !== undefined && keepsRoutes(machine.negotiated, undefined);
  }

  #machines(): Machine[] {
    return [this.#current, this.#outgoing, this.#incoming].filter((machine) => machine !== undefined);
  }

  #other(machine: Machine): Machine | undefined {
    return machine === this.#incoming ? this.#outgoing : this.#incoming;
  }

  #asOwner(): MachineOwner {
    const session = (): PeerConfig => this.#config;
    return {
      get config() {
        return session();
      },
      target: () => this.#target(),
      open: () => openOf(this.#config, this.#local, this.#facts()),
      mayGreet: (machine) => this.#mayGreet(machine),
      mayConfirm: (machine, remote) => this.#mayConfirm(machine, remote),
      changed: (machine, change) => {
        this.#changed(machine, change);
      },
      countRetry: (machine, event) => {
        if (machine !== this.#incoming && !isCollision(event)) this.#retries += 1;
      },
      clearRetries: () => {
        this.#retries = 0;
      },
      restart: (machine, event) => {
        this.#ended(machine, event);
      },
      update: (update) => {
        this.#handler.update(update);
      },
      refresh: (refresh) => {
        this.#refresh(refresh);
      },
      writable: (machine) => {
        if (machine === this.#current) this.#handler.writable();
      },
    };
  }

  #target(): Omit<ConnectOptions, "signal"> | undefined {
    const target = this.#resolve === undefined ? configuredTarget(this.#config) : this.#resolve();
    if (target === undefined) return undefined;
    const options = socketOptions(this.#config, this.#config.localAsn ?? this.#local.asn);
    return {
      ...options,
      address: target.address,
      port: target.port ?? BGP_PORT,
      interface: target.interface ?? options.interface,
    };
  }

  /** Who has confirmed one connection offers no other: the peer may rely on what it has been told. */
  #mayGreet(machine: Machine): boolean {
    if (this.#other(machine)?.state === "open-confirm") return false;
    const wait = this.#breathUntil - this.#clock.monotonic();
    if (machine.direction === "outgoing" || wait <= 0) return true;
    this.#breathTimer?.cancel();
    this.#breathTimer = this.#clock.after(wait, () => {
      this.#unpark();
    });
    return false;
  }

  #unpark(): void {
    for (const machine of [this.#outgoing, this.#incoming])
      if (machine?.parked === true && this.#mayGreet(machine)) machine.proceed();
  }

  #mayConfirm(machine: Machine, remote: Open): boolean {
    if (this.#current !== undefined) {
      const error = new BgpError("ERR_BGP_TRANSPORT", "the peer has called again: it has restarted");
      this.#current.handle({ kind: "tcp-fails", error });
      return true;
    }
    const other = this.#other(machine);
    if (other?.state !== "open-sent" && other?.state !== "open-confirm") return true;
    const local = { asn: this.#config.localAsn ?? this.#local.asn, routerId: this.#local.routerId };
    if (survivor(local, remote) !== machine.direction) return false;
    other.handle({ kind: "collision-dump" });
    return true;
  }

  #changed(machine: Machine, change: Change): void {
    const { from, to, event, sent } = change;
    if (to === "established") {
      this.#arrived(machine);
      return;
    }
    if (to !== "idle") {
      // The call was let go, and with it goes what was said on it.
      if (machine === this.#incoming && to === "active") this.#incoming = undefined;
      this.#report(undefined);
      return;
    }
    const reason = reasonOf(event, from, sent);
    if (!isCollision(event)) {
      this.#lastError = { error: reason, at: this.#clock.now() };
      const loud = sent !== undefined || event.kind === "notification";
      if (loud) this.#breathUntil = this.#clock.monotonic() + BREATH;
    }
    if (machine === this.#incoming) this.#incoming = undefined;
    if (machine !== this.#current) {
      this.#report(reason);
      return;
    }
    this.#departed(machine, reason, event, sent);
  }

  #arrived(machine: Machine): void {
    const other = this.#other(machine);
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#outgoing = undefined;
    this.#incoming = undefined;
    this.#current = machine;
    other?.refuse(ceaseNotification({ subcode: CEASE.collisionResolution }, undefined));
    this.#established += 1;
    this.#establishedAt = this.#clock.now();
    this.#establishedSince = this.#clock.monotonic();
    this.#report(undefined);
    if (machine.negotiated !== undefined) this.#handler.established(machine.negotiated);
  }

  #departed(machine: Machine, reason: BgpError, event: FsmEvent, sent: Notification | undefined): void {
    const { negotiated } = machine;
    this.#current = undefined;
    this.#establishedAt = undefined;
    const lasted = this.#clock.monotonic() - this.#establishedSince;
    if (lasted >= forgiveAfter(this.#connectRetry())) this.#retries = Math.min(this.#retries, 1);
    if (this.#started) this.#outgoing = new Machine("outgoing", this.#around, this.#owner);
    this.#report(reason);
    const received = event.kind === "notification" ? event.notification : undefined;
    const notification = sent ?? received;
    const graceful = negotiated !== undefined && keepsRoutes(negotiated, notification);
    this.#handler.down(reason, { graceful, notification });
  }

  /** An attempt is over, or a session: what waited for it goes on, and the next attempt is set. */
  #ended(machine: Machine, event: FsmEvent): void {
    if (!this.#started) return;
    if (machine !== this.#outgoing && this.#outgoing?.state === "idle" && this.#retryTimer === undefined)
      this.#schedule();
    if (machine === this.#outgoing && event.kind !== "manual-stop") this.#schedule();
    this.#unpark();
  }

  #schedule(): void {
    const hold = idleHold(this.#connectRetry(), this.#retries, this.#random);
    this.#later(this.#hurry ? firstDelay(this.#random) : hold, () => {
      this.#begin();
    });
  }

  #begin(): void {
    this.#retryTimer = undefined;
    const kind = this.#config.passive === true ? "automatic-start-passive" : "automatic-start";
    this.#outgoing?.handle({ kind });
  }

  #later(milliseconds: number, callback: () => void): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = this.#clock.after(milliseconds, () => {
      this.#retryTimer = undefined;
      callback();
    });
  }

  #connectRetry(): number {
    return (this.#config.timers?.connectRetry ?? CONNECT_RETRY) * 1000;
  }

  #cancelTimers(): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#breathTimer?.cancel();
    this.#breathTimer = undefined;
  }

  #refresh({ family, kind }: RouteRefresh): void {
    if (family === undefined || kind === "unknown") return;
    if (this.negotiated?.context.families.includes(family) === true)
      this.#handler.refreshRequested(family, kind);
  }

  /** The state of a session is that of its most advanced connection. */
  #report(reason: BgpError | undefined): void {
    const rank = Math.max(0, ...this.#machines().map(({ state }) => STATES.indexOf(state)));
    const state = STATES[rank] ?? "idle";
    if (state === this.#state) return;
    const from = this.#state;
    this.#state = state;
    this.#changedAt = this.#clock.now();
    this.#handler.stateChanged(from, state, reason);
  }
}

/** Of two connections one had to go: nothing is wrong. */
function isCollision(event: FsmEvent): boolean {
  if (event.kind === "collision-dump") return true;
  if (event.kind !== "notification") return false;
  const { code, subcode } = event.notification;
  return code === NOTIFICATION.cease && subcode === CEASE.collisionResolution;
}

function slicesOf({ clock, turn }: SessionOptions): Slices {
  if (clock === undefined && turn === undefined) return systemSlices;
  return new Slices(clock ?? systemClock, turn ?? systemTurn);
}

function turnAway(connection: Connection, notification: Notification): void {
  connection.onData = ignore;
  connection.onDrain = ignore;
  connection.onClose = ignore;
  connection.write(encodeNotification(notification));
  connection.end(LAST_WORDS);
}

function ignore(): void {
  // Nobody listens.
}
