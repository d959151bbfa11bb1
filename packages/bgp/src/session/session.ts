import { systemClock, type Clock, type Random } from "../clock.ts";
import type { BgpError, Notification } from "../errors.ts";
import type { PeerConfig } from "../api/config.ts";
import type { PeerState } from "../api/status.ts";
import type { Connection, ConnectOptions, Transport } from "../transport/transport.ts";
import type { WireContext } from "../wire/context.ts";
import { MESSAGE_TYPE, type MessageType } from "../wire/header.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { CEASE, encodeNotification } from "../wire/notification.ts";
import type { RouteRefresh } from "../wire/route-refresh.ts";
import { UpdateDecoder } from "../wire/update-decoder.ts";
import { ceaseNotification, type CeaseReason } from "./cease.ts";
import type { Speaking } from "./collision.ts";
import { Connections, type ConnectionsOwner } from "./connections.ts";
import type { SessionHandler } from "./handler.ts";
import { isCollision } from "./inbound.ts";
import { CONNECT_RETRY } from "./machine-timers.ts";
import type { Change, Machine, Opens } from "./machine.ts";
import { openOf, type OpenFacts } from "./open.ts";
import { Patience } from "./patience.ts";
import { keepsRoutes, reasonOf } from "./reason.ts";
import { Slices, systemSlices } from "./slices.ts";
import { Tally, type LastError, type SessionStats } from "./stats.ts";
import type { UpdateReader } from "./surroundings.ts";
import { BGP_PORT, configuredTarget, socketOptions, type Target } from "./target.ts";
import { systemTurn, type Turn } from "./timers.ts";

export interface SessionOptions {
  readonly config: PeerConfig;
  readonly local: Speaking;
  /** Asked at each OPEN. @defaultValue not restarting */
  readonly facts?: (() => OpenFacts) | undefined;
  /**
   * Whom to call, asked at each call. `undefined`: nobody knows; it is asked again after the connect-retry time.
   * @defaultValue what the configuration says
   */
  readonly resolve?: (() => Target | undefined) | undefined;
  readonly transport: Transport;
  /** @defaultValue the system's */
  readonly clock?: Clock | undefined;
  /** @defaultValue `Math.random` */
  readonly random?: Random | undefined;
  /** @defaultValue `setImmediate` */
  readonly turn?: Turn | undefined;
  /** To be shared by all sessions of a thread. @defaultValue the process's; its own, where it has a clock or turn of its own */
  readonly slices?: Slices | undefined;
  /** @defaultValue an `UpdateDecoder` */
  readonly updateReader?: ((context: WireContext) => UpdateReader) | undefined;
  readonly handler: SessionHandler;
}

/** Milliseconds that a refusal has to get out. */
const LAST_WORDS = 2000;

const TYPES = new Map(
  (Object.keys(MESSAGE_TYPE) as MessageType[]).map((type) => [MESSAGE_TYPE[type], type] as const),
);

/**
 * The session with one peer: RFC 4271 section 8. It calls the peer, takes its calls, and sees to it that one connection
 * stays; when that is gone it begins again, later each time it fails.
 */
export class Session {
  readonly #handler: SessionHandler;
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #tally = new Tally();
  #config: PeerConfig;
  #started = false;
  #state: PeerState = "idle";
  #lastError: LastError | undefined;
  #established = 0;
  #establishedAt: number | undefined;
  #changedAt: number;
  #refused = 0;

  constructor(options: SessionOptions) {
    const { clock = systemClock, random = Math.random, turn = systemTurn } = options;
    this.#config = options.config;
    this.#handler = options.handler;
    this.#clock = clock;
    this.#changedAt = clock.now();
    const around = {
      ...{ transport: options.transport, clock, random, turn, tally: this.#tally },
      slices: options.slices ?? slicesOf(options),
      updateReader: options.updateReader ?? ((context) => new UpdateDecoder(context)),
    };
    const patience = new Patience(
      clock,
      random,
      () => (this.#config.timers?.connectRetry ?? CONNECT_RETRY) * 1000,
    );
    this.#connections = new Connections(around, patience, this.#owner(options));
  }

  get state(): PeerState {
    return this.#state;
  }

  /** `undefined` when not established. */
  get negotiated(): Negotiated | undefined {
    return this.#connections.current?.negotiated;
  }

  /** Of the established session. */
  get connection(): Connection | undefined {
    return this.#connections.current?.connection;
  }

  /** Of the established session. */
  get opens(): Opens | undefined {
    return this.#connections.current?.opens;
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

  /** Whether less than 256 KiB wait for the peer to take them. If not, {@link SessionHandler.writable} tells when. */
  get writable(): boolean {
    return this.#connections.current?.writable ?? false;
  }

  /** Begins: within 500 ms with a call, or at once with waiting for one. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#connections.start();
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
    await this.#connections.stop(({ negotiated }) => ({
      kind: "manual-stop",
      notification: reason === "silent" ? undefined : ceaseNotification(reason, negotiated),
    }));
  }

  /** Ends, and begins again. After an administrative reset (4) or a change of configuration (6) it does so at once. */
  reset(subcode: number, message?: string, { hard }: { readonly hard?: boolean } = {}): void {
    if (!this.#started) return;
    const hurry = subcode === CEASE.administrativeReset || subcode === CEASE.otherConfigurationChange;
    const event = ({ negotiated }: Machine) =>
      ({
        kind: "automatic-stop",
        notification: ceaseNotification({ subcode, message, hard }, negotiated),
      }) as const;
    this.#connections.reset(event, hurry);
  }

  /** From the next OPEN on; a session that stands stays as it is. */
  configure(config: PeerConfig): void {
    this.#config = config;
  }

  /** A call of this peer. */
  accept(connection: Connection): void {
    const refusal = this.#refusal();
    if (refusal === undefined) {
      this.#connections.accept(connection);
      return;
    }
    this.#refused += 1;
    turnAway(connection, refusal);
  }

  /** A whole message, which it takes over. Nothing happens where no session is established. */
  send(message: Uint8Array): void {
    const type = TYPES.get(message[18] ?? 0);
    if (type !== undefined) this.#connections.current?.send(type, message);
  }

  #refusal(): Notification | undefined {
    const refuse = (subcode: number, message?: string): Notification =>
      ceaseNotification({ subcode, message }, undefined);
    const { shutdown } = this.#config;
    const { current, incoming, mayHaveRestarted } = this.#connections;
    if (!this.#started && shutdown !== undefined) return refuse(CEASE.administrativeShutdown, shutdown);
    if (!this.#started || incoming !== undefined) return refuse(CEASE.connectionRejected);
    return current === undefined || mayHaveRestarted ? undefined : refuse(CEASE.collisionResolution);
  }

  #owner({ local, facts, resolve }: SessionOptions): ConnectionsOwner {
    const config = (): PeerConfig => this.#config;
    return {
      local,
      get config() {
        return config();
      },
      target: () => callOptions(config(), local, resolve),
      open: () => openOf(config(), local, facts?.() ?? { restarting: false }),
      established: (machine) => {
        this.#arrived(machine);
      },
      ended: (change, negotiated) => {
        this.#ended(change, negotiated);
      },
      moved: () => {
        this.#report(undefined);
      },
      deliver: ({ content, message }) => {
        if ("reach" in content) this.#handler.update(content, message);
        else this.#refresh(content);
      },
      writable: () => {
        this.#handler.writable();
      },
    };
  }

  #arrived({ negotiated }: Machine): void {
    this.#established += 1;
    this.#establishedAt = this.#clock.now();
    this.#report(undefined);
    if (negotiated !== undefined) this.#handler.established(negotiated);
  }

  #ended({ from, event, sent }: Change, negotiated: Negotiated | undefined): void {
    const reason = reasonOf(event, from, sent);
    if (!isCollision(event)) this.#lastError = { error: reason, at: this.#clock.now() };
    if (negotiated === undefined) {
      this.#report(reason);
      return;
    }
    this.#establishedAt = undefined;
    this.#report(reason);
    const notification = sent ?? (event.kind === "notification" ? event.notification : undefined);
    const how = { graceful: keepsRoutes(negotiated, notification), notification, event: event.kind };
    this.#handler.down(reason, { ...how, sent: sent !== undefined });
  }

  #refresh({ family, kind }: RouteRefresh): void {
    if (family === undefined || kind === "unknown") return;
    if (this.negotiated?.context.families.includes(family) === true)
      this.#handler.refreshRequested(family, kind);
  }

  #report(reason: BgpError | undefined): void {
    const { state } = this.#connections;
    if (state === this.#state) return;
    const from = this.#state;
    this.#state = state;
    this.#changedAt = this.#clock.now();
    this.#handler.stateChanged(from, state, reason);
  }
}

function callOptions(
  config: PeerConfig,
  local: Speaking,
  resolve: (() => Target | undefined) | undefined,
): Omit<ConnectOptions, "signal"> | undefined {
  const target = resolve === undefined ? configuredTarget(config) : resolve();
  if (target === undefined) return undefined;
  const options = socketOptions(config, config.localAsn ?? local.asn);
  return {
    ...options,
    address: target.address,
    port: target.port ?? BGP_PORT,
    interface: target.interface ?? options.interface,
  };
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
