import { isNetloomError, sleep, type Clock } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { cloudIpam, type CloudIpam, type CloudNode, type NodeLimits } from "@netloom/ipam-cloud";
import { simCloud, type InstanceType, type SimCall, type SimCloud } from "@netloom/sim-cloud";
import { inTurn } from "../in-turn.ts";
import type { Planner } from "../input.ts";
import { SHAPES } from "../shapes.ts";
import { Stalls, type Stall } from "./stalls.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { WatchedProvider } from "./watched-provider.ts";

/** Milliseconds after which a pod that was refused asks again, as whoever runs it would; and how often it does. */
const RETRY = 30_000;
const TRIES = 6;
/** What the cloud gives is waited for, but not for ever. */
const PATIENCE = 86_400_000;
/** So that the buckets are full when the rollout begins. */
const REST = 15 * 60_000;

export interface Rollout {
  /** Until the last pod had its address. */
  readonly seconds: number;
  /** Seconds that pods waited for an address, from when their node was ready. */
  readonly waits: { readonly median: number; readonly longest: number };
  /** Pods without an address in the end. */
  readonly unserved: number;
  /** Requests that reached the cloud, by action. */
  readonly calls: Readonly<Record<string, number>>;
  /** Of these, how many it refused because there were too many. */
  readonly refused: number;
  /** What had to wait, the longest first. */
  readonly stalls: readonly Stall[];
}

interface Machine {
  readonly number: number;
  readonly node: CloudNode;
  readonly planner: Planner["nodes"][number];
}

/**
 * Plays it through: the real IPAM of every node on a cloud in memory, on a clock of its own. All nodes start at once, and all
 * their pods are there as soon as they are ready.
 *
 * @param count - of the nodes, in their order, how many come
 */
export async function playRollout(planner: Planner, count: number): Promise<Rollout> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const { times, seed, placement, pods, throttles } = planner;
  const sim = simCloud({
    clock,
    seed,
    placement,
    throttles,
    ...times,
    types: Object.fromEntries(planner.nodes.map(({ limits }, index) => [typeName(index), typeOf(limits)])),
    pools: planner.subnets.map(({ cidr, ...subnet }) => ({ ...subnet, cidrs: [cidr] })),
  });
  const played = new Playing(planner, sim, clock);
  played.launch(count);
  if (pods.now > 0) {
    await clock.until(played.bring(0, pods.now));
    await clock.pass(REST);
  }
  return played.measure(pods.now, pods.perNode - pods.now);
}

class Playing {
  readonly #planner: Planner;
  readonly #sim: SimCloud;
  readonly #clock: VirtualClock;
  readonly #machines: Machine[] = [];
  readonly #ipams = new Map<Machine, Promise<CloudIpam | undefined>>();
  #stalls = new Stalls();
  #waits: number[] = [];
  #unserved = 0;
  #began = 0;

  constructor(planner: Planner, sim: SimCloud, clock: VirtualClock) {
    this.#planner = planner;
    this.#sim = sim;
    this.#clock = clock;
  }

  launch(count: number): void {
    const { nodes } = this.#planner;
    for (const planner of inTurn(nodes, (kind) => kind.count).slice(0, count)) {
      const pool = planner.subnet ?? this.#roomiest(planner.zone);
      const number = this.#machines.length + 1;
      const type = typeName(nodes.indexOf(planner));
      const node = this.#sim.launch({ name: `node${number}`, pool, type });
      this.#machines.push({ number, node, planner });
    }
  }

  /** So many pods on every node. */
  async bring(first: number, count: number): Promise<void> {
    await Promise.all(this.#machines.map((machine) => this.#onNode(machine, first, count)));
  }

  async measure(first: number, count: number): Promise<Rollout> {
    const [begin, calls] = [this.#clock.monotonic(), this.#sim.calls.length];
    this.#began = begin;
    this.#waits = [];
    this.#stalls = new Stalls();
    await this.#clock.until(this.bring(first, count));
    const seconds = (this.#clock.monotonic() - begin) / 1000;
    const made = this.#sim.calls.slice(calls);
    const numbers = this.#numbers();
    const refused = made.filter(({ outcome }) => outcome === "throttled");
    const start = this.#clock.now() - this.#clock.monotonic() + begin;
    for (const { action, at, subject } of refused)
      this.#stalls.note(action, numbers.get(subject ?? "") ?? 0, at - start, at - start);
    const waits = this.#waits.toSorted((a, b) => a - b);
    return {
      seconds,
      waits: {
        median: (waits[Math.floor(waits.length / 2)] ?? 0) / 1000,
        longest: (waits.at(-1) ?? 0) / 1000,
      },
      unserved: this.#unserved,
      calls: counts(made),
      refused: refused.length,
      stalls: this.#stalls.list(),
    };
  }

  async #onNode(machine: Machine, first: number, count: number): Promise<void> {
    const known = this.#ipams.get(machine) ?? this.#start(machine).catch(() => undefined);
    this.#ipams.set(machine, known);
    const ipam = await known;
    if (ipam === undefined) return void (this.#unserved += count);
    const ready = this.#clock.monotonic();
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        if (await this.#lease(ipam, `pod${first + index}`)) this.#waits.push(this.#clock.monotonic() - ready);
        else this.#unserved++;
      }),
    );
  }

  async #start({ number, node, planner }: Machine): Promise<CloudIpam> {
    const clock = this.#planner.budget === "shared" ? this.#clock : another(this.#clock);
    const runtime = { clock, random: seededRandom(this.#planner.seed + number) };
    const provider = new WatchedProvider(
      SHAPES[this.#planner.shape].provider(this.#sim),
      clock,
      (action, from, to) => {
        if (to > from) this.#stalls.note(action, number, from - this.#began, to - this.#began);
      },
    );
    const ipam = cloudIpam({
      provider,
      instance: node,
      policy: this.#planner.policy,
      // Without this, as of any node, the cloud is asked.
      ...(planner.limits.slotsPerNode === undefined ? {} : { limits: planner.limits }),
      times: { patience: PATIENCE },
    });
    const giveUp = new AbortController();
    const timer = clock.after(PATIENCE, () => giveUp.abort());
    const context = { node: node.name, podCIDRs: [], families: [4] as const, prefix: "planner/", runtime };
    await ipam.start({ ...context, store: memoryStore({ runtime }) }, { signal: giveUp.signal });
    timer.cancel();
    await ipam.restore([]);
    return ipam;
  }

  async #lease(ipam: CloudIpam, owner: string): Promise<boolean> {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      try {
        await ipam.allocate(owner, { families: [4] });
        return true;
      } catch (error) {
        if (!isNetloomError(error, "ERR_IPAM_EXHAUSTED")) throw error;
        await sleep(this.#clock, RETRY);
      }
    }
    return false;
  }

  #roomiest(zone: string): string {
    const near = this.#planner.subnets.filter((subnet) => subnet.zone === zone);
    return near.toSorted((a, b) => this.#sim.free(b.id, 4) - this.#sim.free(a.id, 4))[0]!.id;
  }

  /** Of nodes, by instance and by interface. */
  #numbers(): ReadonlyMap<string, number> {
    const numbers = new Map(this.#machines.map(({ node, number }) => [node.instance, number]));
    for (const { id, attachment } of this.#sim.interfaces) {
      const number = numbers.get(attachment?.instance ?? "");
      if (number !== undefined) numbers.set(id, number);
    }
    return numbers;
  }
}

/** The same time; what keeps to throttles by its clock does so alone. */
function another(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (milliseconds, callback) => clock.after(milliseconds, callback),
  };
}

function typeName(index: number): string {
  return `type-${index}`;
}

function typeOf({ interfaces, slots }: NodeLimits): InstanceType {
  return { interfaces, slots: { 4: slots[4] ?? 0 } };
}

function counts(calls: readonly SimCall[]): Readonly<Record<string, number>> {
  const found = new Map<string, number>();
  for (const { action } of calls) found.set(action, (found.get(action) ?? 0) + 1);
  return Object.fromEntries([...found].toSorted(([, a], [, b]) => b - a));
}
