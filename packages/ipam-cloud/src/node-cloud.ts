import { Backoff, isNetloomError, NetloomError, type Family, type Runtime } from "@netloom/core";
import { Executor, isRemoval, type Outcome } from "./executor.ts";
import { explain, setbackOf } from "./faults.ts";
import { isOurs, podAddresses, readyRanges } from "./inventory.ts";
import type { Journal } from "./journal.ts";
import type { NodeRecord } from "./node-record.ts";
import type { Setback } from "./packing.ts";
import { plan, type CloudAction, type Shortage } from "./plan.ts";
import type { PodRanges } from "./pod-ranges.ts";
import type { CloudPolicy } from "./policy.ts";
import {
  faultOf,
  type CloudNode,
  type CloudPool,
  type CloudProvider,
  type NodeInventory,
  type NodeLimits,
} from "./provider.ts";
import { Recent } from "./recent.ts";
import type { Throttles } from "./throttle.ts";

/** Plans in a row before the node takes a breath: a cloud that never says what it did ends here. */
const PASSES = 16;

export interface NodeCloudOptions {
  readonly provider: CloudProvider;
  readonly node: CloudNode;
  readonly families: readonly Family[];
  readonly policy: CloudPolicy;
  readonly journal: Journal;
  readonly record: NodeRecord;
  readonly ranges: PodRanges;
  readonly throttles: Throttles;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly securityGroups: readonly string[] | undefined;
  readonly limits: NodeLimits | undefined;
  readonly usable: (pool: CloudPool) => boolean;
  /** Milliseconds; see `CloudIpamTimes`. */
  readonly retryAfter: number;
  readonly refreshAfter: number;
  readonly attachTime: number;
  readonly visibilityLag: number;
  /** Allocations that wait now. */
  readonly waiting: () => Readonly<Partial<Record<Family, number>>>;
  /** The node has other ranges. */
  readonly changed: () => void;
  readonly asked: (action: string) => void;
  readonly done: (action: CloudAction) => void;
  readonly failed: (error: NetloomError) => void;
}

/** What the cloud gives one node: reads, plans, and has plans carried out, one round at a time. */
export class NodeCloud {
  readonly #options: NodeCloudOptions;
  readonly #executor: Executor;
  readonly #recent: Recent;
  readonly #backoff: Backoff;
  /** Being given back, and on which interface: not to be taken up although the cloud still has them. */
  readonly #withdrawn = new Map<string, string>();
  #inventory: NodeInventory | undefined;
  #limits: NodeLimits | undefined;
  #pools: readonly CloudPool[] | undefined;
  #setbacks: readonly Setback[] = [];
  /** In monotonic milliseconds. */
  #readAt = -Infinity;
  #poolsAt = -Infinity;
  /** When something was read or changed last. */
  #knownAt = -Infinity;
  /** There may be open intents that nobody works on. */
  #unsettled = true;
  /** Clouds that have versions want to be read before each change. */
  #versioned = false;

  constructor(options: NodeCloudOptions) {
    this.#options = options;
    const { securityGroups, ...rest } = options;
    this.#executor = new Executor({ ...rest, ...(securityGroups === undefined ? {} : { securityGroups }) });
    this.#recent = new Recent(options.visibilityLag);
    this.#backoff = new Backoff(options.runtime, { first: 100, most: 30_000 });
  }

  /** When there may be something to do although nobody has asked: in so many milliseconds. */
  nextLook(): number {
    const { runtime, refreshAfter, retryAfter, policy, ranges } = this.#options;
    const now = runtime.clock.now();
    const times = [refreshAfter - (runtime.clock.monotonic() - this.#readAt)];
    for (const { until } of this.#setbacks) times.push(until - now);
    if (this.#unsettled) times.push(retryAfter);
    if (this.#isPending()) times.push(Math.max(1, this.#pendingFor()));
    if (policy.excessDelay !== "keep") {
      for (const { idleSince } of ranges.use().values())
        // One that is past that and still there is not in excess.
        if (idleSince !== undefined && idleSince + policy.excessDelay > now)
          times.push(idleSince + policy.excessDelay - now);
    }
    return Math.max(1, Math.min(...times.filter((time) => time > 0), refreshAfter));
  }

  /** Something has been given, but is not delivered to yet. */
  #isPending(): boolean {
    return (this.#inventory?.interfaces ?? []).some(
      (one) => isOurs(one) && (one.state === "attaching" || podAddresses(one).some(({ ready }) => !ready)),
    );
  }

  /** For how many milliseconds more it is not to be looked at. */
  #pendingFor(): number {
    const { runtime, attachTime } = this.#options;
    return this.#knownAt + attachTime - runtime.clock.monotonic();
  }

  /** Does what there is to do. @returns what cannot be had as things are. */
  async round(): Promise<readonly Shortage[]> {
    const { runtime, refreshAfter } = this.#options;
    if (runtime.clock.monotonic() - this.#readAt >= refreshAfter) {
      this.#inventory = undefined;
      // What was abandoned may still turn up.
      this.#unsettled = true;
    }
    if (this.#isPending() && this.#pendingFor() <= 0) this.#inventory = undefined;
    const now = runtime.clock.now();
    this.#setbacks = this.#setbacks.filter(({ until }) => until > now);
    let shortages: readonly Shortage[] = [];
    for (let pass = 0; pass < PASSES; pass++) {
      const inventory = await this.#settled();
      if (inventory === undefined) continue;
      await this.#takeUp(inventory);
      const next = this.#plan(inventory);
      shortages = next.shortages;
      if (shortages.length > 0 && (await this.#otherPools())) continue;
      if (next.actions.length === 0) break;
      await this.#carryOut(next.actions);
    }
    return shortages;
  }

  /** An inventory that no open intent makes doubtful; `undefined` where it must be read again. */
  async #settled(): Promise<NodeInventory | undefined> {
    this.#limits ??= await this.#readLimits();
    this.#pools ??= await this.#readPools();
    const read = this.#inventory === undefined;
    this.#inventory ??= await this.#read();
    if (!this.#unsettled) return this.#inventory;
    // What is open is judged by what was read after it.
    if (!read) this.#inventory = await this.#read();
    const { journal, node } = this.#options;
    let open = 0;
    for (const intent of await journal.open(node.name)) {
      this.#hold(intent.action);
      const outcome = await this.#executor.resume(intent, this.#inventory);
      if (outcome.outcome === "unknown") open++;
      await this.#apply(intent.action, outcome);
      if (this.#inventory === undefined) break;
    }
    this.#unsettled = open > 0;
    if (open > 0) await this.#backoff.wait(this.#options.signal);
    return open > 0 ? undefined : this.#inventory;
  }

  async #carryOut(actions: readonly CloudAction[]): Promise<void> {
    for (const action of actions) {
      // The cloud was asked meanwhile: the rest is planned anew on what it says.
      if (this.#inventory === undefined) return;
      if (this.#versioned && this.#inventory.version === undefined) this.#inventory = await this.#read();
      // Somebody waits since the plan was made: it may need what would be given back.
      if (isRemoval(action) && Object.values(this.#waiting()).some((count) => count > 0)) return;
      const ready = await this.#withdraw(action);
      if (!ready) continue;
      const outcome = await this.#executor.run(action, this.#inventory);
      if (!(await this.#apply(action, outcome))) return;
      await this.#takeUp(this.#inventory);
    }
  }

  /** What is to go back is nobody's from here on. @returns whether all of it could be had. */
  async #withdraw(action: CloudAction): Promise<boolean> {
    const { ranges, record, changed } = this.#options;
    const cidrs = concerned(action, this.#inventory!).filter((cidr) => ranges.has(cidr));
    if (cidrs.length === 0) return true;
    const use = ranges.use();
    // Somebody was given one since the plan was made.
    if (cidrs.some((cidr) => use.get(cidr)?.used !== 0)) return false;
    this.#hold(action);
    ranges.withdraw(cidrs);
    await record.save(ranges.cidrs);
    changed();
    return true;
  }

  #hold(action: CloudAction): void {
    if (action.do !== "release" && action.do !== "remove-interface") return;
    for (const cidr of concerned(action, this.#inventory!)) this.#withdrawn.set(cidr, action.interface);
  }

  /** It is over: whoever has them now may be taken up. */
  #let(action: CloudAction): void {
    if (action.do === "release") for (const cidr of action.cidrs) this.#withdrawn.delete(cidr);
    if (action.do !== "remove-interface") return;
    // The interface, and what it had, may be in no inventory any more.
    for (const [cidr, id] of this.#withdrawn) if (id === action.interface) this.#withdrawn.delete(cidr);
  }

  /** @returns whether the plan may go on. */
  async #apply(action: CloudAction, outcome: Outcome): Promise<boolean> {
    const { runtime, node, provider, retryAfter, done, failed, signal } = this.#options;
    if (outcome.outcome === "done") {
      const before = this.#inventory!;
      this.#recent.note(before, outcome.inventory, runtime.clock.now());
      this.#let(action);
      this.#inventory = outcome.inventory;
      this.#knownAt = runtime.clock.monotonic();
      this.#backoff.reset();
      done(action);
      return true;
    }
    const { fault, error } = outcome;
    failed(isNetloomError(error) ? error : explain(provider.name, node, fault, error));
    if (outcome.outcome === "unknown") {
      this.#unsettled = true;
      this.#inventory = undefined;
      return false;
    }
    this.#let(action);
    const setback = setbackOf(fault, action, this.#inventory!, runtime.clock.now() + retryAfter);
    if (setback !== undefined) this.#setbacks = [...this.#setbacks, setback];
    else {
      this.#inventory = undefined;
      await this.#backoff.wait(signal);
    }
    return false;
  }

  /** Ranges that the cloud has and the node not yet; and those that somebody else took away. */
  async #takeUp(inventory: NodeInventory): Promise<void> {
    const { ranges, record, families, changed } = this.#options;
    const ready = readyRanges(inventory).filter((cidr) => families.includes(cidr.includes(":") ? 6 : 4));
    const lost = ranges.withdraw(ranges.cidrs.filter((cidr) => !ready.includes(cidr)));
    const known = ranges.cidrs.length + lost.length === 0 ? await record.load() : [];
    const fresh = ready.filter((cidr) => !ranges.has(cidr) && !this.#withdrawn.has(cidr));
    if (fresh.length === 0 && lost.length === 0) return;
    // After a restart in the order of the life before.
    const place = (cidr: string): number => (known.includes(cidr) ? known.indexOf(cidr) : known.length);
    const inOrder = fresh.toSorted((a, b) => place(a) - place(b));
    await record.save([...ranges.cidrs, ...inOrder]);
    for (const cidr of inOrder) ranges.add(cidr);
    changed();
  }

  #plan(inventory: NodeInventory): ReturnType<typeof plan> {
    const { ranges, policy, provider, families, runtime } = this.#options;
    return plan({
      inventory,
      limits: this.#limits!,
      pools: this.#pools!,
      demand: { ranges: ranges.use(), waiting: this.#waiting() },
      policy,
      capabilities: provider.capabilities,
      families,
      setbacks: this.#setbacks,
      now: runtime.clock.now(),
    });
  }

  /** The node waits, too, as long as it has no address of its own. */
  #waiting(): Readonly<Partial<Record<Family, number>>> {
    const { ranges, waiting, families } = this.#options;
    const own = (family: Family): boolean =>
      ranges.routers.some((router) => router.includes(":") === (family === 6));
    const pods = waiting();
    return Object.fromEntries(
      families.map((family) => [family, (pods[family] ?? 0) + (own(family) ? 0 : 1)]),
    );
  }

  async #read(): Promise<NodeInventory> {
    const { provider, node, runtime } = this.#options;
    const [began, monotonic] = [runtime.clock.now(), runtime.clock.monotonic()];
    const read = await this.#asking(() => provider.readNode(node, this.#executor.read()));
    if (read === undefined) {
      throw new NetloomError(
        "ERR_CLOUD_GONE",
        `the cloud knows no instance ${node.instance} (${node.name})`,
        {
          input: node.instance,
          backend: provider.name,
        },
      );
    }
    this.#readAt = this.#knownAt = monotonic;
    this.#versioned ||= read.version !== undefined;
    return this.#recent.correct(read, began);
  }

  async #readLimits(): Promise<NodeLimits> {
    const { provider, node, limits } = this.#options;
    const known = limits ?? (await this.#asking(() => provider.limits(node, this.#executor.read())));
    if (known !== undefined) return known;
    const type = node.instanceType ?? "of an unknown type";
    throw new NetloomError(
      "ERR_UNSUPPORTED",
      `the cloud does not tell the limits of ${node.name} (${type})`,
      {
        input: node.instanceType,
        remedy: "state them: limits: { interfaces: 4, slots: { 4: 15, 6: 15 } }",
        backend: provider.name,
      },
    );
  }

  async #readPools(): Promise<readonly CloudPool[]> {
    const { provider, node, usable, runtime } = this.#options;
    const pools = await this.#asking(async () => {
      const found: CloudPool[] = [];
      for await (const pool of provider.pools(node, this.#executor.read())) found.push(pool);
      return found;
    });
    this.#poolsAt = runtime.clock.monotonic();
    return pools.filter(usable);
  }

  /** Something is short: have the pools changed since they were read? Asked now and then only. */
  async #otherPools(): Promise<boolean> {
    const { retryAfter, runtime } = this.#options;
    if (runtime.clock.monotonic() - this.#poolsAt < retryAfter) return false;
    const before = JSON.stringify(this.#pools);
    this.#pools = await this.#readPools();
    return JSON.stringify(this.#pools) !== before;
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    const { provider, node, signal, throttles } = this.#options;
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const fault = faultOf(provider, error);
      if (fault.kind === "throttled")
        throttles.refused(provider, node.name, fault.bucket, fault.retryAfter ?? 1000);
      throw explain(provider.name, node, fault, error);
    }
  }
}

/** The ranges that an action takes away. */
function concerned(action: CloudAction, { interfaces }: NodeInventory): readonly string[] {
  if (action.do === "release") return action.cidrs;
  if (action.do !== "remove-interface") return [];
  const one = interfaces.find(({ id }) => id === action.interface);
  return one === undefined ? [] : podAddresses(one).map(({ cidr }) => cidr);
}
