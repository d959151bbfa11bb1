import type { Chance } from "./chance.ts";
import { Life } from "./life.ts";
import type { Scheduler } from "./scheduler.ts";

export interface ProcessOptions {
  readonly scheduler: Scheduler;
  readonly seed: number;
  readonly name: string;
  /** What it does, from its start on. */
  readonly main: (life: Life) => Promise<void>;
  /** How fast its clock goes, drawn for each life. */
  readonly rate: (chance: Chance) => number;
  readonly chance: Chance;
}

/** A process that somebody keeps running: when it ends or dies, it is started again after a while. */
export class Process {
  readonly name: string;
  readonly #options: ProcessOptions;
  #life: Life | undefined;
  #lives = 0;
  #lastArrival = 0;
  /** It is to run; one that is not stays down. */
  #wanted = false;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** When the last of what any life of it has sent arrives. */
  get lastArrival(): number {
    return Math.max(this.#lastArrival, this.#life?.lastArrival ?? 0);
  }

  /** Alive now. */
  get life(): Life | undefined {
    return this.#life;
  }

  start(): void {
    this.#wanted = true;
    if (this.#life !== undefined) return;
    const { scheduler, seed, main, rate, chance } = this.#options;
    const clock = { ahead: 0, rate: rate(chance) };
    const life = new Life(scheduler, seed, `${this.name}#${++this.#lives}`, clock);
    this.#life = life;
    main(life).then(
      () => this.#ended(life),
      () => this.#ended(life),
    );
  }

  /** It is gone, at once. @param down - milliseconds until it is started again. */
  crash(down: number): void {
    const { scheduler } = this.#options;
    this.#end();
    // Its connections are closed: what it had sent has arrived by the time it is back, or never does.
    const closed = Math.max(down, this.#lastArrival - scheduler.now + 0.001);
    if (this.#wanted) scheduler.after(closed, `${this.name} restarts`, () => this.#restart());
  }

  /** It is gone, and nobody starts it again. */
  remove(): void {
    this.#wanted = false;
    this.#end();
  }

  #end(): void {
    this.#lastArrival = this.lastArrival;
    const life = this.#life;
    this.#life = undefined;
    life?.crash();
  }

  #restart(): void {
    if (this.#wanted) this.start();
  }

  #ended(life: Life): void {
    if (this.#life === life) this.crash(500);
  }
}
