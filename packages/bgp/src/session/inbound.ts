import { BgpError } from "../errors.ts";
import type { PeerConfig } from "../api/config.ts";
import type { PeerState } from "../api/status.ts";
import type { WireContext } from "../wire/context.ts";
import type { Message } from "../wire/message.ts";
import { negotiate, type Negotiated } from "../wire/negotiate.ts";
import { CEASE, decodeNotification } from "../wire/notification.ts";
import { decodeOpen, type Open } from "../wire/open.ts";
import { NOTIFICATION } from "../wire/refusal.ts";
import { decodeRouteRefresh, type RouteRefresh } from "../wire/route-refresh.ts";
import type { Update } from "../wire/update.ts";
import type { FsmEvent } from "./fsm.ts";
import type { UpdateReader } from "./surroundings.ts";

const EVENTS = {
  open: { kind: "open" },
  keepalive: { kind: "keepalive" },
  update: { kind: "update" },
  "route-refresh": { kind: "route-refresh" },
} as const satisfies Record<string, FsmEvent>;

const UNSUPPORTED_VERSION = 1;

/** What a message was about, and the message. */
export interface Delivery {
  readonly content: Update | RouteRefresh;
  /** Borrowed. */
  readonly message: Uint8Array;
}

/** Makes events of the messages of one connection. Reads only what the state expects: the rest is wrong in any form. */
export class Inbound {
  readonly #ours: Open;
  readonly #config: PeerConfig;
  readonly #updateReader: (context: WireContext) => UpdateReader;
  #reader: UpdateReader | undefined;
  #remote: Open | undefined;
  #negotiated: Negotiated | undefined;
  #greeting: Uint8Array | undefined;
  #delivery: Delivery | undefined;

  constructor(ours: Open, config: PeerConfig, updateReader: (context: WireContext) => UpdateReader) {
    this.#ours = ours;
    this.#config = config;
    this.#updateReader = updateReader;
  }

  /** What the peer has said of itself, once it was acceptable. */
  get remote(): Open | undefined {
    return this.#remote;
  }

  get negotiated(): Negotiated | undefined {
    return this.#negotiated;
  }

  /** The peer's OPEN, as it came. */
  get greeting(): Uint8Array | undefined {
    return this.#greeting;
  }

  /** What the latest event is about, once. */
  take(): Delivery | undefined {
    const delivery = this.#delivery;
    this.#delivery = undefined;
    return delivery;
  }

  event({ type, bytes }: Message, state: PeerState): FsmEvent {
    switch (type) {
      case "keepalive":
        return EVENTS.keepalive;
      case "notification": {
        const notification = decodeNotification(bytes);
        const { code, subcode } = notification;
        const version = code === NOTIFICATION.open && subcode === UNSUPPORTED_VERSION;
        return { kind: version ? "notification-version-error" : "notification", notification };
      }
      case "open":
        return state === "open-sent" ? this.#open(bytes) : EVENTS.open;
      case "update":
      case "route-refresh":
        return state === "established" ? this.#routes(type, bytes) : EVENTS[type];
    }
  }

  #open(bytes: Uint8Array): FsmEvent {
    const { remoteAsn, timers, strictRole } = this.#config;
    try {
      const remote = decodeOpen(bytes);
      const facts = { remoteAsn, keepalive: timers?.keepalive, strictRole };
      this.#negotiated = negotiate(this.#ours, remote, facts);
      this.#remote = remote;
      this.#greeting = bytes.slice();
      this.#reader = this.#updateReader(this.#negotiated.context);
      return EVENTS.open;
    } catch (error) {
      return { kind: "open-error", error: bgpError(error) };
    }
  }

  #routes(type: "update" | "route-refresh", bytes: Uint8Array): FsmEvent {
    try {
      const content = type === "update" ? this.#reader?.decode(bytes) : decodeRouteRefresh(bytes);
      if (content !== undefined) this.#delivery = { content, message: bytes };
      return EVENTS[type];
    } catch (error) {
      return { kind: "update-error", error: bgpError(error) };
    }
  }
}

/** Of two connections one had to go: nothing is wrong. */
export function isCollision(event: FsmEvent): boolean {
  if (event.kind === "collision-dump") return true;
  if (event.kind !== "notification") return false;
  const { code, subcode } = event.notification;
  return code === NOTIFICATION.cease && subcode === CEASE.collisionResolution;
}

/** Anything else is a fault of ours, and not the peer's. */
function bgpError(error: unknown): BgpError {
  if (error instanceof BgpError) return error;
  throw error;
}
