import {
  NetloomError,
  TypedEmitter,
  type AbortOptions,
  type AllocateOptions,
  type Emits,
  type Family,
  type Ipam,
  type IpamCapabilities,
  type IpamContext,
  type IpamEvents,
  type IpamStatus,
  type Lease,
  type NodeInterface,
  type Random,
  type RestoredLease,
} from "@netloom/core";
import { familyOf } from "./inventory.ts";
import { Journal } from "./journal.ts";
import { NodeCloud } from "./node-cloud.ts";
import { NodeRecord } from "./node-record.ts";
import {
  checkOptions,
  cloudTimes,
  type CloudEvents,
  type CloudIpamOptions,
  type CloudIpamTimes,
} from "./options.ts";
import { asNetloomError, mayComeTrue, refusal, shortOf, whyShort, type Known, type Why } from "./refusals.ts";
import { Pause } from "./pause.ts";
import { POOL, PodRanges } from "./pod-ranges.ts";
import { cloudPolicy, lowMark, type CloudPolicy } from "./policy.ts";
import { checkInstance } from "./provider-checks.ts";
import { Retries } from "./retries.ts";
import { throttlesOf } from "./throttle.ts";
import { unlessAborted } from "./unless-aborted.ts";
import type { Shortage } from "./planning.ts";
import { Waiters, type Waiter } from "./waiters.ts";

/** An IPAM, and what it asks of the cloud. */
export interface CloudIpam extends Ipam {
  readonly cloudEvents: Emits<CloudEvents>;
}

/**
 * Pod addresses straight from a cloud's network.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function cloudIpam(options: CloudIpamOptions): CloudIpam {
  checkOptions(options);
  return new WarmIpam(options, cloudPolicy(options.policy), cloudTimes(options.times));
}

/** Names what is tried again. */
const ROUND = "round";
/** Milliseconds until a round that failed is tried again: at first, and at most where somebody waits. */
const FIRST_RETRY = 200;
const WAITED_FOR = 10_000;

class WarmIpam implements CloudIpam {
  readonly name: string;
  readonly capabilities: IpamCapabilities;
  readonly events: TypedEmitter<IpamEvents> = new TypedEmitter<IpamEvents>(() => {});
  readonly cloudEvents: TypedEmitter<CloudEvents> = new TypedEmitter<CloudEvents>(() => {});
  readonly #options: CloudIpamOptions;
  readonly #policy: CloudPolicy;
  readonly #times: CloudIpamTimes;
  readonly #closed = new AbortController();
  readonly #waiters = new Waiters();
  #context: IpamContext | undefined;
  #ranges: PodRanges | undefined;
  #cloud: NodeCloud | undefined;
  #starting: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #served: (() => void) | undefined;
  #refused: ((error: NetloomError) => void) | undefined;
  #pause: Pause | undefined;
  #lastFailure: NetloomError | undefined;

  constructor(options: CloudIpamOptions, policy: CloudPolicy, times: CloudIpamTimes) {
    const { provider } = options;
    this.name = provider.name;
    this.capabilities = { families: provider.capabilities.families, requestedAddress: true };
    this.#options = options;
    this.#policy = policy;
    this.#times = times;
  }

  /** Once it has begun, to start again is to wait for it; one that failed begins anew. */
  start(context: IpamContext, options: AbortOptions = {}): Promise<void> {
    this.#starting ??= this.#begin(context, options.signal).catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #begin(context: IpamContext, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    const { provider, instance, pools, securityGroups, limits } = this.#options;
    const { runtime, store, prefix, families, node: name } = context;
    const called = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
    const found =
      typeof instance === "function" ? await unlessAborted(instance({ signal: called }), called) : instance;
    checkInstance(found);
    const node = { ...found, name };
    const ranges = new PodRanges(this.name, runtime.clock, runtime.random);
    const stop = new AbortController();
    const end = AbortSignal.any([this.#closed.signal, stop.signal]);
    this.#context = context;
    this.#ranges = ranges;
    this.#cloud = new NodeCloud({
      provider,
      node,
      families,
      policy: this.#policy,
      journal: new Journal(store, prefix, runtime.random),
      record: new NodeRecord(store, prefix, name, node.instance, lifeOf(runtime.random)),
      ranges,
      throttles: throttlesOf(runtime.clock, provider.account),
      runtime,
      signal: end,
      securityGroups,
      limits,
      usable: pools ?? (() => true),
      ...this.#times,
      waiting: () => this.#waiters.byFamily(),
      changed: () => this.#changed(),
      lost: (range) => this.cloudEvents.emit("range:lost", range, ranges.owners(range)),
      asked: (action) => this.cloudEvents.emit("request:sent", action),
      done: (action) => this.cloudEvents.emit("action:done", action),
      failed: (error, passes) => this.#failed(error, passes),
    });
    const running = this.#run(this.#cloud, end);
    this.#running = running;
    try {
      await this.#firstRanges(running, signal);
    } catch (error) {
      stop.abort(error);
      await running;
      // It is as if it had not been started.
      this.#context = this.#ranges = this.#cloud = this.#pause = undefined;
      for (const waiter of this.#waiters) waiter.reject(error);
      throw error;
    }
  }

  ranges(): readonly string[] {
    return this.#started().cidrs;
  }

  routers(): readonly string[] {
    return this.#started().routers;
  }

  interfaces(): readonly NodeInterface[] {
    return this.#cloud?.interfaces ?? [];
  }

  async restore(leases: readonly RestoredLease[]): Promise<void> {
    this.#started().restore(leases);
    this.#kick(this.#times.lull);
  }

  async allocate(owner: string, options: AllocateOptions): Promise<Lease> {
    options.signal?.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    const ranges = this.#started();
    if (options.pool !== undefined && options.pool !== POOL) {
      throw new NetloomError("ERR_IPAM_NO_RANGE", `this node has no ranges of pool ${options.pool}`, {
        input: options.pool,
        remedy: "leave the pool out: which of the cloud's pools are used is an option of the IPAM",
        backend: this.name,
      });
    }
    try {
      const lease = ranges.allocate(owner, options);
      this.#kick(this.#pace(options.families));
      return lease;
    } catch (error) {
      if (!mayComeTrue(error) || options.addresses !== undefined) throw error;
    }
    const waiter = this.#waiters.wait(owner, options);
    const patience = this.#context!.runtime.clock.after(this.#times.patience, () => this.#giveUp(waiter));
    this.#kick(this.#times.coalesce);
    return waiter.lease.finally(() => patience.cancel());
  }

  async retire(lease: Lease): Promise<void> {
    this.#started().retire(lease);
  }

  async release(lease: Lease): Promise<void> {
    this.#started().release(lease);
    // Somebody may wait for just this one.
    this.#serve([]);
    this.#kick(this.#times.lull);
  }

  status(): IpamStatus {
    return this.#ranges?.status() ?? { ranges: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const error = new NetloomError("ERR_CLOSED", "the IPAM was stopped", { backend: this.name });
    this.#closed.abort(error);
    for (const waiter of this.#waiters) waiter.reject(error);
    await this.#running;
    this.events.clear();
    this.cloudEvents.clear();
  }

  /** Rounds, until it is called off. What fails is told, and tried again. */
  async #run(cloud: NodeCloud, end: AbortSignal): Promise<void> {
    const { runtime } = this.#context!;
    const { retryAfter } = this.#times;
    const retries = new Retries(runtime.random, retryAfter);
    const pause = new Pause(runtime.clock);
    this.#pause = pause;
    while (!end.aborted) {
      pause.begin();
      const before = this.#lastFailure;
      try {
        const shortages = await cloud.round();
        this.#serve(shortages);
        retries.succeeded(ROUND);
        // Who comes later does not fail for it.
        if (this.#lastFailure === before && this.#waiters.size === 0) this.#lastFailure = undefined;
        // Nobody else asks again before a node has started.
        const [short] = this.#served === undefined ? [] : shortages;
        if (short !== undefined) this.#failed(shortOf(short, this.#known(), this.name));
        const most = short === undefined ? Infinity : retryAfter;
        await pause.wait(Math.min(cloud.nextLook(), most), end);
      } catch (error) {
        if (end.aborted) return;
        this.#failed(asNetloomError(error, this.name));
        const wait = retries.failed(ROUND, FIRST_RETRY);
        // Those who wait for the cloud wait no longer than they must when it is well again; nor is it asked for each of them.
        pause.begin(WAITED_FOR);
        await pause.wait(this.#waiters.size > 0 ? Math.min(wait, WAITED_FOR) : wait, end);
      }
    }
  }

  /** As long as half of what is kept warm is there, more can be asked for at once later. */
  #pace(families: readonly Family[]): number {
    const { lull, ease } = this.#times;
    const low = lowMark(this.#policy);
    return families.every((family) => this.#ranges!.free(family) >= low) ? ease : lull;
  }

  /** There may be something to do, within so many milliseconds. */
  #kick(within: number): void {
    this.#pause?.shorten(within);
  }

  #changed(): void {
    this.#serve([]);
    this.#served?.();
    this.events.emit("ranges:changed", this.#ranges!.cidrs);
  }

  /** Gives what there is to those who wait; who waits for what cannot be had is told so, whoever came last first. */
  #serve(shortages: readonly Shortage[]): void {
    const left = new Map<Waiter, unknown>();
    for (const waiter of this.#waiters) {
      try {
        waiter.resolve(this.#ranges!.allocate(waiter.owner, waiter.options));
      } catch (error) {
        if (mayComeTrue(error)) left.set(waiter, error);
        else waiter.reject(error);
      }
    }
    for (const short of shortages) {
      const { family, waiting = 0 } = short;
      if (waiting === 0 || this.#ranges!.free(family) > 0) continue;
      const concerned = [...left.keys()].filter(({ options }) => options.families.includes(family));
      const owners = new Set([...new Set(concerned.map(({ owner }) => owner))].slice(-waiting));
      const why = whyShort(short, this.#known());
      for (const waiter of concerned)
        if (owners.has(waiter.owner)) this.#refuse(waiter, left.get(waiter), why);
    }
  }

  #giveUp(waiter: Waiter): void {
    const text = this.#lastFailure?.message ?? "the cloud has not answered yet";
    this.#refuse(waiter, this.#lastFailure, { text, remedy: "see what the cloud lacks" });
  }

  #refuse({ options, reject }: Waiter, cause: unknown, why: Why): void {
    const of = this.status().ranges.filter(({ range }) => options.families.includes(familyOf(range)));
    for (const range of of) if (range.free === 0) this.events.emit("range:exhausted", range);
    reject(refusal(options, of, why, cause, this.name));
  }

  #known(): Known {
    const { pools } = this.#options;
    return { pools: this.#cloud?.pools ?? [], policy: this.#policy, chooses: pools !== undefined };
  }

  #failed(error: NetloomError, passes = false): void {
    this.#lastFailure = error;
    this.cloudEvents.emit("action:failed", error);
    try {
      this.#context?.report?.(error);
    } catch {
      // Whoever only listens stops no rounds.
    }
    // Who starts waits for what may come, and not for what will not.
    if (!error.retryable && !passes) this.#refused?.(error);
  }

  /** Resolves when there is a range of every family; rejects with what will not pass by itself. */
  #firstRanges(running: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const { families } = this.#context!;
    const ready = (): boolean =>
      families.every((family) => this.#ranges!.cidrs.some((cidr) => cidr.includes(":") === (family === 6)));
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!ready()) return;
        this.#served = this.#refused = undefined;
        signal?.removeEventListener("abort", aborted);
        resolve();
      };
      this.#refused = reject;
      const aborted = (): void => reject(signal?.reason);
      signal?.addEventListener("abort", aborted, { once: true });
      this.#served = look;
      void running.then(() => reject(this.#closed.signal.reason));
      look();
    });
  }

  #started(): PodRanges {
    if (this.#ranges !== undefined) return this.#ranges;
    throw new NetloomError("ERR_CLOSED", "the IPAM has not started", {
      remedy: "await start() first",
      backend: this.name,
    });
  }
}

function lifeOf(random: Random): string {
  return Array.from({ length: 2 }, () => Math.floor(random.next() * 2 ** 32).toString(36)).join("");
}
