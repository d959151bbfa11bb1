import type { Clock, Timer } from "../clock.ts";

/** How often it is looked at, in parts of the limit. */
const LOOKS = 8;

/** Where bytes go that are sent. */
export interface Outlet {
  /** Bytes that the kernel has taken so far. */
  readonly taken: number;
  /** Nothing waits to be taken. */
  readonly drained: boolean;
}

/** Expires when bytes have waited for so long and the peer took none of them: RFC 9687. */
export class SendHold {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #outlet: Outlet | undefined;
  #limit = 0;
  #taken = 0;
  #progress = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  arm(milliseconds: number, outlet: Outlet): void {
    this.disarm();
    this.#outlet = outlet;
    this.#limit = milliseconds;
    this.#advance(outlet);
    this.#wait();
  }

  disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** To be called before something is sent: nothing may have waited until now. */
  sending(): void {
    if (this.#timer !== undefined && this.#outlet?.drained === true) this.#advance(this.#outlet);
  }

  #advance(outlet: Outlet): void {
    this.#taken = outlet.taken;
    this.#progress = this.#clock.monotonic();
  }

  /** Timer and test share the sum: another way of rounding would wake them for ever. */
  get #left(): number {
    return this.#progress + this.#limit - this.#clock.monotonic();
  }

  #wait(): void {
    this.#timer = this.#clock.after(Math.min(this.#left, this.#limit / LOOKS), () => {
      this.#look();
    });
  }

  #look(): void {
    const outlet = this.#outlet;
    if (outlet === undefined) return;
    if (outlet.drained || outlet.taken !== this.#taken) this.#advance(outlet);
    if (this.#left > 0) {
      this.#wait();
      return;
    }
    this.#timer = undefined;
    this.#expired();
  }
}
