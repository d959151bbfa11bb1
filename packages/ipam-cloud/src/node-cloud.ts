import { isNetloomError, NetloomError, type Family, type NodeInterface } from "@netloom/core";
import { CloudReader } from "./cloud-reader.ts";
import { Executor, isRemoval, type Outcome } from "./executor.ts";
import { explain, isPassing, located } from "./faults.ts";
import { familyOf, podAddresses, sizeOfPrefix } from "./inventory.ts";
import type { NodeCloudOptions } from "./node-cloud-options.ts";
import { isPending, Pending } from "./pending.ts";
import { plan } from "./plan.ts";
import type { CloudAction, Demand, Plan, Shortage } from "./planning.ts";
import { lowMark } from "./policy.ts";
import type { CloudFault, CloudPool, NodeInventory } from "./provider.ts";
import { Recent } from "./recent.ts";
import { asNetloomError } from "./refusals.ts";
import { Setbacks } from "./setbacks.ts";
import { TakenRanges } from "./taken-ranges.ts";

/** Plans in a row before the node takes a breath: a cloud that never says what it did ends here. */
const PASSES = 16;

/** What the cloud gives one node: reads, plans, and has plans carried out, one round at a time. */
export class NodeCloud {
  readonly #options: NodeCloudOptions;
  readonly #executor: Executor;
  readonly #reader: CloudReader;
  readonly #recent: Recent;
  readonly #setbacks: Setbacks;
  readonly #taken: TakenRanges;
  /** `undefined` where it must be read. */
  #inventory: NodeInventory | undefined;
  /** In monotonic milliseconds. */
  #readAt = -Infinity;
  /** When it was last looked at what is pending, or since when something is. */
  #pendingSince = -Infinity;
  /** There may be open intents that nobody works on, from this time on, in monotonic milliseconds. */
  #unsettled: number | undefined = -Infinity;
  readonly #pending: Pending;
  /** When the node was given something last, and when it may be given a little more: in monotonic milliseconds. */
  #grewAt = -Infinity;
  #growsAt: number | undefined;
  #turn: Promise<void> = Promise.resolve();
  /** Clouds that have versions want to be read before each change. */
  #versioned = false;

  constructor(options: NodeCloudOptions) {
    const { securityGroups, ...rest } = options;
    this.#options = options;
    this.#executor = new Executor({
      ...rest,
      isTaken: (cidr) => options.ranges.has(cidr),
      ...(securityGroups === undefined ? {} : { securityGroups }),
    });
    this.#reader = new CloudReader({
      ...options,
      call: () => this.#executor.read(),
      failed: (error) => options.failed(asNetloomError(error, options.provider.name), true),
    });
    this.#pending = new Pending(options.attachTime);
    this.#recent = new Recent(options.visibilityLag);
    this.#setbacks = new Setbacks(options.runtime, options.retryAfter);
    this.#taken = new TakenRanges({
      ...options,
      clock: options.runtime.clock,
      isGiven: (cidr) => this.#recent.isGiven(cidr),
    });
  }

  /** By which pods leave the node, beside its first. */
  get interfaces(): readonly NodeInterface[] {
    return this.#taken.interfaces.all;
  }

  /** As they were when they were read last. */
  get pools(): readonly CloudPool[] {
    return this.#reader.known;
  }

  /** When there may be something to do although nobody has asked: in so many milliseconds. */
  nextLook(): number {
    const { runtime, refreshAfter, retryAfter, policy, ranges } = this.#options;
    const now = runtime.clock.now();
    const times = [refreshAfter - this.#age()];
    // Also one that was over before the round was.
    const monotonic = runtime.clock.monotonic();
    for (const { until } of this.#setbacks.all) times.push(Math.max(1, until - monotonic));
    if (this.#unsettled !== undefined) times.push(Math.max(1, this.#unsettled - monotonic));
    if (this.#isPending()) times.push(Math.max(1, this.#pendingFor()));
    if (this.#growsAt !== undefined) times.push(Math.max(1, this.#growsAt - runtime.clock.monotonic()));
    if (ranges.lost.length > 0) times.push(Math.max(1, retryAfter - this.#age()));
    const { doubtfulUntil } = this.#taken;
    if (doubtfulUntil !== undefined) times.push(Math.max(1, doubtfulUntil - runtime.clock.monotonic()));
    if (policy.excessDelay !== "keep") {
      for (const { idleSince } of ranges.use().values())
        // One that is past that and still there is not in excess.
        if (idleSince !== undefined && idleSince + policy.excessDelay > now)
          times.push(idleSince + policy.excessDelay - now);
    }
    return Math.max(1, Math.min(...times.filter((time) => time > 0), refreshAfter));
  }

  /** Does what there is to do. @returns what cannot be had as things are. */
  async round(): Promise<readonly Shortage[]> {
    const { retryAfter } = this.#options;
    this.#forgetWhatIsOld();
    this.#setbacks.expire();
    this.#growsAt = undefined;
    let shortages: readonly Shortage[] = [];
    for (let pass = 0; pass < PASSES; pass++) {
      const inventory = await this.#settle();
      if (inventory === undefined) continue;
      await this.#taken.update(inventory, this.#readAt);
      this.#tellStuck(inventory);
      // It has less than was thought, and may be asked for that.
      this.#setbacks.forgive(await this.#reader.recount());
      const next = await this.#plan(inventory);
      shortages = next.shortages;
      if (shortages.length > 0 && (await this.#reader.havePoolsChanged(retryAfter))) continue;
      if (next.actions.length === 0) break;
      if (this.#canWait(next.actions)) break;
      await this.#carryOut(next.actions, inventory);
    }
    return shortages;
  }

  /** Nobody waits, half of what is kept warm is there or on its way, and more was taken just now: it can be one request later. */
  #canWait(actions: readonly CloudAction[]): boolean {
    const { ease, policy, runtime } = this.#options;
    const at = this.#grewAt + ease;
    if (at <= runtime.clock.monotonic() || Object.values(this.#waiting()).some((count) => count > 0))
      return false;
    let wanted = 0;
    for (const action of actions) {
      if (action.do !== "assign") return false;
      wanted += action.count * sizeOfPrefix(action.family, action.prefix);
    }
    if (wanted > lowMark(policy)) return false;
    this.#growsAt = at;
    return true;
  }

  #tellStuck(inventory: NodeInventory): void {
    const { runtime, node, provider, failed } = this.#options;
    for (const { id } of this.#pending.update(inventory, runtime.clock.monotonic())) {
      const message = `interface ${id} of ${node.name} (${node.instance}) does not get ready`;
      const remedy = "see what the cloud says of it; the node goes on without it";
      const options = { input: id, remedy, retryable: true, backend: provider.name };
      failed(new NetloomError("ERR_CLOUD_UNAVAILABLE", message, options), true);
    }
  }

  #forgetWhatIsOld(): void {
    const { refreshAfter, retryAfter, ranges, runtime } = this.#options;
    if (this.#age() >= refreshAfter) {
      this.#inventory = undefined;
      // What was abandoned may still turn up.
      this.#unsettled ??= -Infinity;
    }
    if (this.#isPending() && this.#pendingFor() <= 0) this.#inventory = undefined;
    if (ranges.lost.length > 0 && this.#age() >= retryAfter) this.#inventory = undefined;
    if ((this.#taken.doubtfulUntil ?? Infinity) <= runtime.clock.monotonic()) this.#inventory = undefined;
  }

  /** Goes on with what is open. @returns an inventory of after that; `undefined` where that must be read again */
  async #settle(): Promise<NodeInventory | undefined> {
    const { journal, node, runtime, retryAfter } = this.#options;
    await this.#reader.limits();
    await this.#reader.pools();
    const read = this.#inventory === undefined;
    this.#inventory ??= await this.#read();
    const now = runtime.clock.monotonic();
    if (this.#unsettled === undefined || this.#unsettled > now) return this.#inventory;
    // What is open is judged by what was read after it.
    if (!read) this.#inventory = await this.#read();
    const inventory = this.#inventory;
    const open = await journal.open(node.name);
    this.#taken.holds.replace(open);
    const look = this.#executor.looking();
    const outcomes = await this.#each(open, async (intent) => {
      const outcome = await this.#executor.resume(intent, inventory, look);
      this.#apply(intent.action, outcome, inventory);
      return outcome;
    });
    // Some may have been abandoned.
    this.#taken.holds.replace(outcomes.some((outcome) => outcome.open) ? await journal.open(node.name) : []);
    if (outcomes.some(({ outcome }) => outcome === "unknown")) this.#unsettled = now + this.#setbacks.stuck();
    else {
      this.#setbacks.settled();
      this.#unsettled = outcomes.some((outcome) => outcome.open) ? now + retryAfter : undefined;
    }
    return this.#inventory;
  }

  /** What gives to the node at once, where the cloud can; what takes from it one by one, and only while nobody waits. */
  async #carryOut(actions: readonly CloudAction[], inventory: NodeInventory): Promise<void> {
    const together = this.#versioned ? [] : actions.filter((action) => !isRemoval(action));
    await this.#each(together, (action) => this.#run(action, inventory));
    for (const action of actions) {
      if (together.includes(action)) continue;
      // The cloud was asked meanwhile: the rest is planned anew on what it says.
      if (this.#inventory === undefined) return;
      if (this.#versioned && this.#inventory.version === undefined) this.#inventory = await this.#read();
      const known = this.#inventory;
      if (isRemoval(action)) {
        // Somebody waits since the plan was made: it may need what would be given back.
        if (Object.values(this.#waiting()).some((count) => count > 0)) return;
        if (!(await this.#taken.withdraw(action, known))) continue;
      }
      if (!(await this.#run(action, known))) return;
    }
  }

  /** @returns whether the plan may go on */
  async #run(action: CloudAction, inventory: NodeInventory): Promise<boolean> {
    let outcome: Outcome;
    try {
      outcome = await this.#executor.run(action, inventory);
    } catch (error) {
      // Its intent may be written.
      this.#unsettled = -Infinity;
      throw error;
    }
    this.#apply(action, outcome, inventory);
    if (outcome.open) this.#unsettled = -Infinity;
    else this.#taken.holds.remove(action);
    await this.#inTurn(async () => {
      if (this.#inventory !== undefined) await this.#taken.update(this.#inventory, this.#readAt);
    });
    return outcome.outcome === "done" && !outcome.open;
  }

  #apply(action: CloudAction, outcome: Outcome, before: NodeInventory): void {
    const { runtime, node, provider, done, failed } = this.#options;
    if (outcome.outcome === "done" || outcome.outcome === "settled") {
      const at = runtime.clock.monotonic();
      this.#recent.note(before, outcome.change(before), at);
      // Other changes put off no look at what is pending.
      if (!this.#isPending()) this.#pendingSince = at;
      this.#inventory = this.#inventory === undefined ? undefined : outcome.change(this.#inventory);
      if (outcome.outcome === "settled") return;
      this.#recent.gone(action, at);
      if (!isRemoval(action)) this.#grewAt = at;
      this.#count(action, before);
      this.#setbacks.done(action, before);
      done(action);
      return;
    }
    const { fault, error } = outcome;
    const told = located(fault, action, before);
    // Nobody waits for one to be finished.
    const passes = outcome.outcome === "unknown" || isRemoval(action) || action.do === "finish-interface";
    failed(isNetloomError(error) ? error : explain(provider.name, node, told, error, this.pools), passes);
    // Of what has no intent in the journal to go on with, the next plan would be the same.
    if (outcome.outcome === "failed" || action.do === "finish-interface")
      this.#setBack(action, fault, before);
    if (outcome.outcome === "unknown") this.#inventory = undefined;
  }

  /** What this node takes, the pool has no more. What it gives back is not counted on until the pool is read. */
  #count(action: CloudAction, { interfaces }: NodeInventory): void {
    if (action.do !== "assign" && action.do !== "add-interface") return;
    const isNew = action.do === "add-interface";
    const pool = isNew ? action.pool : interfaces.find(({ id }) => id === action.interface)?.pool;
    if (pool === undefined) return;
    for (const { family, prefix, count } of isNew ? action.want : [action])
      this.#reader.took(pool, family, count * sizeOfPrefix(family, prefix));
    // Its own.
    if (isNew) this.#reader.took(pool, 4, 1);
  }

  #setBack(action: CloudAction, fault: CloudFault, before: NodeInventory): void {
    const { what } = this.#setbacks.add(fault, action, before);
    // What was known may have been wrong.
    if (what === "paused") this.#inventory = undefined;
    if (what === "pool-addresses") this.#reader.doubtPools();
  }

  async #plan(inventory: NodeInventory): Promise<Plan> {
    const { policy, provider, families, runtime } = this.#options;
    const [now, monotonic] = [runtime.clock.now(), runtime.clock.monotonic()];
    const made = plan({
      inventory: this.#pending.outlook(this.#taken.outlook(inventory), monotonic),
      limits: await this.#reader.limits(),
      pools: await this.#reader.pools(),
      demand: { ranges: this.#use(inventory), waiting: this.#waiting() },
      policy,
      capabilities: provider.capabilities,
      families,
      setbacks: this.#setbacks.all.map((one) => ({ ...one, until: now + one.until - monotonic })),
      now,
    });
    return { ...made, shortages: made.shortages.filter(({ why }) => !isPassing(why)) };
  }

  /** Of what the node has taken up, and of what it has of families that its pods are not given any more. */
  #use(inventory: NodeInventory): Demand["ranges"] {
    const { ranges, families } = this.#options;
    const others = inventory.interfaces
      .flatMap((one) => podAddresses(one))
      .filter(({ cidr }) => !families.includes(familyOf(cidr)));
    return new Map([...ranges.use(), ...others.map(({ cidr }) => [cidr, ranges.useOfOthers] as const)]);
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
    const began = this.#options.runtime.clock.monotonic();
    const read = await this.#reader.node();
    this.#readAt = this.#pendingSince = began;
    this.#versioned ||= read.version !== undefined;
    return this.#recent.correct(read, began);
  }

  /** All of them, at once where the cloud takes several changes of a node at once. Fails when all have ended. */
  async #each<Item, Result>(
    items: readonly Item[],
    act: (item: Item) => Promise<Result>,
  ): Promise<readonly Result[]> {
    if (this.#versioned) {
      const results: Result[] = [];
      for (const item of items) results.push(await act(item));
      return results;
    }
    const settled = await Promise.allSettled(items.map(act));
    return settled.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  }

  /** Answers come at once; the record of the node is written once after the other. */
  #inTurn(act: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Milliseconds since the node was read. */
  #age(): number {
    return this.#options.runtime.clock.monotonic() - this.#readAt;
  }

  /** Something has been given, but is not delivered to yet. */
  #isPending(): boolean {
    return (this.#inventory?.interfaces ?? []).some(isPending);
  }

  /** For how many milliseconds more it is not to be looked at: what never came for long is not looked at so often. */
  #pendingFor(): number {
    const { runtime, attachTime, retryAfter } = this.#options;
    const now = runtime.clock.monotonic();
    const pending = (this.#inventory?.interfaces ?? []).filter(isPending);
    const isHopeless = pending.every(({ id }) => this.#pending.isStuck(id, now));
    return this.#pendingSince + (isHopeless ? Math.max(attachTime, retryAfter) : attachTime) - now;
  }
}
