import { sleep, type Clock } from "@netloom/core";
import type { ThrottleBucket } from "@netloom/ipam-cloud";
import { Refusal } from "./refusal.ts";

/** One request to an API. */
export interface SimCall {
  /** From 1, in the order in which they arrived. */
  readonly number: number;
  /** As the vendor names it, e.g. `AttachNetworkInterface`. */
  readonly action: string;
  /** Instance or interface that it is about, where it is about one. */
  readonly subject?: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `pending` until it is answered; then `done`, or what it was refused for. */
  readonly outcome: string;
}

/**
 * What stands between client and cloud. What `before` throws reaches the client and nothing has happened; what `after`
 * throws reaches the client although it has. A promise that never settles is a client that died waiting.
 */
export interface SimHooks {
  before?(call: SimCall): void | Promise<void>;
  after?(call: SimCall): void | Promise<void>;
}

interface Level {
  tokens: number;
  at: number;
}

/** Through which every request goes: written down, throttled, perhaps lost. */
export class Gate {
  /** Every request there was. */
  readonly calls: SimCall[] = [];
  /** Actions that the account may not do. */
  readonly denied = new Set<string>();
  hooks: SimHooks = {};
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #levels = new Map<string, Level>();

  constructor(clock: Clock, latency: number) {
    this.#clock = clock;
    this.#latency = latency;
  }

  async pass<Answer>(
    action: string,
    subject: string | undefined,
    buckets: readonly ThrottleBucket[],
    apply: () => Answer,
  ): Promise<Answer> {
    const call: SimCall = {
      number: this.calls.length + 1,
      action,
      ...(subject === undefined ? {} : { subject }),
      at: this.#clock.now(),
      outcome: "pending",
    };
    this.calls.push(call);
    await this.hooks.before?.(call);
    await this.#travel();
    const answer = this.#decide(call, () => {
      if (this.denied.has(action)) throw new Refusal("denied", action, `not allowed: ${action}`);
      this.#take(action, subject, buckets);
      return apply();
    });
    await this.#travel();
    await this.hooks.after?.(this.calls[call.number - 1]!);
    if (answer.refusal !== undefined) throw answer.refusal;
    return answer.value as Answer;
  }

  #decide<Answer>(
    call: SimCall,
    decide: () => Answer,
  ): { readonly value?: Answer; readonly refusal?: Refusal } {
    const close = (outcome: string): void => {
      this.calls[call.number - 1] = { ...call, outcome };
    };
    try {
      const value = decide();
      close("done");
      return { value };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      close(error.reason);
      return { refusal: error };
    }
  }

  async #travel(): Promise<void> {
    if (this.#latency > 0) await sleep(this.#clock, this.#latency / 2);
  }

  /** One token of each bucket, or none of any. */
  #take(action: string, subject: string | undefined, buckets: readonly ThrottleBucket[]): void {
    const levels = buckets
      .filter(({ actions }) => actions.includes(action))
      .map((bucket) => [bucket, this.#level(bucket, subject)] as const);
    for (const [{ name }, { tokens }] of levels)
      if (tokens < 1) throw new Refusal("throttled", name, `too many requests: ${name}`);
    for (const [, level] of levels) level.tokens--;
  }

  #level(bucket: ThrottleBucket, subject = ""): Level {
    const key = bucket.per === "node" ? `${bucket.name} ${subject}` : bucket.name;
    const byMinute = bucket.refill === "each-minute";
    // Quotas go by the wall clock, buckets by time that passes.
    const at = byMinute ? Math.floor(this.#clock.now() / 60_000) : this.#clock.monotonic();
    const level = this.#levels.get(key) ?? { tokens: bucket.capacity, at };
    this.#levels.set(key, level);
    if (byMinute && at !== level.at) level.tokens = bucket.capacity;
    if (!byMinute) {
      const earned = (Math.max(0, at - level.at) / 1000) * bucket.perSecond;
      level.tokens = Math.min(bucket.capacity, level.tokens + earned);
    }
    level.at = at;
    return level;
  }
}
