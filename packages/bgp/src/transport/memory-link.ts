import type { Clock } from "../clock.ts";

/** A cable that keeps the order of what goes through it, and keeps what it cannot carry until it is whole again. */
export class MemoryLink {
  readonly #clock: Clock;
  readonly #latency: number;
  #held: (() => void)[] = [];
  #whole = true;

  constructor(clock: Clock, latency: number) {
    this.#clock = clock;
    this.#latency = latency;
  }

  carry(arrive: () => void): void {
    this.#clock.after(this.#latency, () => {
      // Behind what is held, also when the cable has just been mended.
      if (this.#whole && this.#held.length === 0) arrive();
      else this.#held.push(arrive);
    });
  }

  cut(): void {
    this.#whole = false;
  }

  heal(): void {
    if (this.#whole) return;
    this.#whole = true;
    this.#clock.after(0, () => {
      if (!this.#whole) return;
      const held = this.#held;
      this.#held = [];
      for (const arrive of held) arrive();
    });
  }
}
