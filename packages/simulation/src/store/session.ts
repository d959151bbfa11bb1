import { NetloomError, type Session, type Timer } from "@netloom/core";
import type { Life } from "../kernel/life.ts";

/** The holder's half of a lease: renews it by its own clock, and knows it lost only when it hears or reckons so. */
export class ClientSession implements Session {
  readonly id: string;
  readonly #life: Life;
  readonly #ttl: number;
  readonly #calls: { readonly renew: () => Promise<boolean>; readonly close: () => Promise<void> };
  readonly #lost = new AbortController();
  #renewed: number;
  #timer: Timer;

  constructor(
    id: string,
    ttl: number,
    life: Life,
    calls: { readonly renew: () => Promise<boolean>; readonly close: () => Promise<void> },
  ) {
    this.id = id;
    this.#ttl = ttl;
    this.#life = life;
    this.#calls = calls;
    this.#renewed = life.runtime.clock.monotonic();
    this.#timer = this.#later();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#lost.signal.aborted) return;
    this.#end();
    await this.#calls.close();
  }

  #later(): Timer {
    return this.#life.runtime.clock.after(this.#ttl / 3, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const asked = this.#life.runtime.clock.monotonic();
    try {
      if (!(await this.#calls.renew())) return this.#end();
      this.#renewed = asked;
    } catch {
      if (this.#life.runtime.clock.monotonic() - this.#renewed > this.#ttl) return this.#end();
    }
    if (!this.#lost.signal.aborted) this.#timer = this.#later();
  }

  #end(): void {
    this.#timer.cancel();
    this.#lost.abort(new NetloomError("ERR_CLOSED", `${this.id} has ended`));
  }
}
