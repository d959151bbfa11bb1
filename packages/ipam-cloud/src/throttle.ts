import type { Clock, Timer } from "@netloom/core";
import type { CloudProvider, ThrottleBucket } from "./provider.ts";

const SECOND = 1000;
const MINUTE = 60_000;
const LONGEST_REFUSAL = 10 * MINUTE;

/** Changes are let through before reads: a pod waits for them. */
export type Urgency = "change" | "read";

interface Waiter {
  readonly urgency: Urgency;
  readonly go: () => void;
}

/** One bucket of tokens, on one clock. */
class Bucket {
  readonly #clock: Clock;
  readonly #spec: ThrottleBucket;
  #tokens: number;
  /** When `#tokens` was right, in monotonic milliseconds; for whole minutes, in milliseconds since 1970. */
  #at: number;
  #pausedUntil = 0;
  #waiting: Waiter[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, spec: ThrottleBucket) {
    this.#clock = clock;
    this.#spec = spec;
    this.#tokens = spec.capacity;
    this.#at = this.#time();
  }

  take(urgency: Urgency, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const aborted = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(signal.reason);
      };
      const go = (): void => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      const waiter: Waiter = { urgency, go };
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiting.push(waiter);
      this.#serve();
    });
  }

  /** The cloud says that it is empty. */
  empty(retryAfter: number): void {
    this.#refill();
    this.#tokens = 0;
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.monotonic() + retryAfter);
    this.#serve();
  }

  #serve(): void {
    this.#refill();
    while (this.#waiting.length > 0 && this.#tokens >= 1 && this.#clock.monotonic() >= this.#pausedUntil) {
      const next = this.#waiting.find(({ urgency }) => urgency === "change") ?? this.#waiting[0]!;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#tokens--;
      next.go();
    }
    this.#timer?.cancel();
    this.#timer =
      this.#waiting.length === 0 ? undefined : this.#clock.after(this.#wait(), () => this.#serve());
  }

  /** Milliseconds to the next token. */
  #wait(): number {
    const paused = this.#pausedUntil - this.#clock.monotonic();
    if (this.#tokens >= 1) return Math.max(1, paused);
    const next = this.#byMinute
      ? MINUTE - (this.#clock.now() % MINUTE)
      : ((1 - this.#tokens) / this.#spec.perSecond) * 1000;
    return Math.max(1, paused, Math.ceil(next));
  }

  #refill(): void {
    const now = this.#time();
    if (this.#byMinute) {
      if (Math.floor(now / MINUTE) !== Math.floor(this.#at / MINUTE)) this.#tokens = this.#spec.capacity;
    } else {
      const grown = this.#tokens + ((now - this.#at) / 1000) * this.#spec.perSecond;
      this.#tokens = Math.min(this.#spec.capacity, grown);
    }
    this.#at = now;
  }

  get #byMinute(): boolean {
    return this.#spec.refill === "each-minute";
  }

  #time(): number {
    return this.#byMinute ? this.#clock.now() : this.#clock.monotonic();
  }
}

/** Keeps all that one account asks of one region within its buckets, whichever node asks. */
export class Throttles {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the action may be asked for. Rejects with `signal.reason`. */
  async admit(
    provider: CloudProvider,
    node: string,
    action: string,
    urgency: Urgency,
    signal: AbortSignal,
  ): Promise<void> {
    for (const spec of specsOf(provider, action)) await this.#bucket(spec, node).take(urgency, signal);
    signal.throwIfAborted();
  }

  /**
   * The cloud has refused: nobody asks for so many milliseconds.
   *
   * @param name - of the bucket, or of the action that was refused; without one, nobody asks for anything
   */
  refused(provider: CloudProvider, node: string, name: string | undefined, retryAfter: number): void {
    // A header that nobody can read is no reason to wait for ever, or not at all.
    const wait = Number.isNaN(retryAfter) ? SECOND : Math.max(0, Math.min(retryAfter, LONGEST_REFUSAL));
    for (const spec of provider.capabilities.throttles)
      if (name === undefined || spec.name === name || spec.actions.includes(name))
        this.#bucket(spec, node).empty(wait);
  }

  #bucket(spec: ThrottleBucket, node: string): Bucket {
    const key = spec.per === "node" ? `${spec.name} ${node}` : spec.name;
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const fresh = new Bucket(this.#clock, spec);
    this.#buckets.set(key, fresh);
    return fresh;
  }
}

const registry = new WeakMap<Clock, Map<string, Throttles>>();

/** Those of the provider's account: the same for everybody in this process who has the same clock. */
export function throttlesOf(clock: Clock, account: string): Throttles {
  const accounts = registry.get(clock) ?? new Map<string, Throttles>();
  registry.set(clock, accounts);
  const known = accounts.get(account) ?? new Throttles(clock);
  accounts.set(account, known);
  return known;
}

function specsOf(provider: CloudProvider, action: string): readonly ThrottleBucket[] {
  return provider.capabilities.throttles.filter(({ actions }) => actions.includes(action));
}
