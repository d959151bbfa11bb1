import type { PeerConfig } from "../api/config.ts";
import type { PeerState } from "../api/status.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import type { Channel } from "./channel.ts";
import type { Direction } from "./collision.ts";
import type { FsmAction, FsmEvent, TimerName } from "./fsm.ts";
import { SendHold } from "./send-hold.ts";
import type { Surroundings } from "./surroundings.ts";
import { jittered, Timers, Watchdog } from "./timers.ts";

/** Milliseconds: "a HoldTimer value of 4 minutes is suggested". */
const LARGE_HOLD = 240_000;
/** Seconds. */
export const CONNECT_RETRY = 5;
/** Seconds, at least: RFC 9687 section 3.1. */
const SEND_HOLD = 480;

/** What decides how long timers run. */
export interface TimerFacts {
  readonly direction: Direction;
  readonly config: PeerConfig;
  readonly negotiated: Negotiated | undefined;
  readonly channel: Channel | undefined;
}

/** The timers of one connection's state machine: RFC 4271 section 8.1.3, RFC 9687. */
export class MachineTimers {
  readonly #around: Surroundings;
  readonly #facts: () => TimerFacts;
  readonly #expired: (event: FsmEvent) => void;
  readonly #timers: Timers<"connect-retry" | "keepalive">;
  readonly #hold: Watchdog;
  readonly #sendHold: SendHold;

  constructor(around: Surroundings, facts: () => TimerFacts, expired: (event: FsmEvent) => void) {
    this.#around = around;
    this.#facts = facts;
    this.#expired = expired;
    this.#timers = new Timers(around.clock, (name) => {
      expired({ kind: `${name}-expires` });
    });
    this.#hold = new Watchdog(around.clock, around.turn, () => {
      this.#holdExpired();
    });
    this.#sendHold = new SendHold(around.clock, () => {
      expired({ kind: "send-hold-expires" });
    });
  }

  arm({ timer, large }: Extract<FsmAction, { readonly do: "arm" }>, to: PeerState): void {
    const { direction, config, negotiated, channel } = this.#facts();
    const { timers = {}, passive = false } = config;
    const holdTime = negotiated?.holdTime ?? 0;
    const { random } = this.#around;
    switch (timer) {
      case "connect-retry":
        // RFC 4271 has it run for passive peers too, which would end with a call.
        if (!passive && direction === "outgoing")
          this.#timers.arm(timer, jittered((timers.connectRetry ?? CONNECT_RETRY) * 1000, random));
        break;
      case "keepalive": {
        const seconds = negotiated?.keepalive ?? 0;
        if (seconds > 0) this.#timers.arm(timer, jittered(seconds * 1000, random));
        break;
      }
      case "hold":
        if (large === true) this.#hold.arm(LARGE_HOLD);
        else if (holdTime > 0) this.#hold.arm(holdTime * 1000);
        // Without a hold time, the peer still has to finish what it has begun.
        else if (to === "established") this.#hold.disarm();
        break;
      case "send-hold": {
        const seconds = timers.sendHold ?? Math.max(SEND_HOLD, 2 * holdTime);
        if (holdTime > 0 && seconds > 0 && channel !== undefined) this.#sendHold.arm(seconds * 1000, channel);
        break;
      }
    }
  }

  disarm(timer: TimerName): void {
    if (timer === "hold") this.#hold.disarm();
    else if (timer === "send-hold") this.#sendHold.disarm();
    else this.#timers.disarm(timer);
  }

  /** The peer is alive. */
  heard(): void {
    this.#hold.sign();
  }

  /** Something is about to be sent. */
  sending(): void {
    this.#sendHold.sending();
  }

  clear(): void {
    this.#timers.clear();
    this.#hold.disarm();
    this.#sendHold.disarm();
  }

  #holdExpired(): void {
    const { channel, negotiated } = this.#facts();
    // What has come and was not read yet is as good as read.
    if (channel?.behind === true) this.#hold.arm((negotiated?.holdTime ?? 0) * 1000 || LARGE_HOLD);
    else this.#expired({ kind: "hold-expires" });
  }
}
