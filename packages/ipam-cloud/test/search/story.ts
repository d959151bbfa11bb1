import type { Store } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { cloudIpamOperator, type CloudNode, type CloudProvider } from "@netloom/ipam-cloud";
import { CLUSTER_TAG, simCloud, type SimCloud } from "@netloom/sim-cloud";
import { EventClock } from "./event-clock.ts";
import { Machine } from "./machine.ts";
import { hooksOf, Process } from "./process.ts";
import { Schedule, type Planned, type Step } from "./schedule.ts";
import type { Shape } from "./shapes.ts";

const SECOND = 1000;
const POOL = "subnet-a";
const PRE_ALLOCATE = 1;
const STARTS_AGAIN_AFTER = 1500;
/** Intents of which something may still turn up are kept for ten minutes. */
const PATIENCE = 20 * 60 * SECOND;

export interface Told {
  readonly steps: readonly Step[];
  /** What must not be, in words; empty where all is well. */
  readonly violations: readonly string[];
  readonly schedule: string;
}

export type Wrap = (provider: CloudProvider) => CloudProvider;

/** Nodes come up, are filled, emptied and filled again, restart, are lost and replaced, while mishaps befall them. */
export async function tell(
  shape: Shape,
  planned: readonly Planned[] = [],
  wrap: Wrap = (provider) => provider,
): Promise<Told> {
  const story = new Story(shape, new Schedule(planned), wrap);
  await story.tell();
  return { steps: story.schedule.steps, violations: story.violations, schedule: String(story.schedule) };
}

class Story {
  readonly schedule: Schedule;
  readonly violations: string[] = [];
  readonly #shape: Shape;
  readonly #clock = new EventClock();
  readonly #store: Store = memoryStore();
  readonly #sim: SimCloud;
  readonly #provider: CloudProvider;
  /** Interfaces that nobody may touch, and what they look like. */
  readonly #others: ReadonlyMap<string, string>;
  readonly #free: number;
  #machine: Machine | undefined;
  /** The node's name is registered in the cluster. */
  #registered = true;
  #lives = 0;

  constructor(shape: Shape, schedule: Schedule, wrap: Wrap) {
    this.schedule = schedule;
    this.#shape = shape;
    this.#sim = simCloud({
      clock: this.#clock,
      pools: [{ id: POOL, cidrs: ["10.0.0.0/24"] }],
      types: { tiny: shape.type },
      ...shape.options,
    });
    this.#provider = wrap(shape.provider(this.#sim));
    this.#free = this.#sim.free(POOL, 4);
    this.#others = this.#neighbours();
    this.#sim.hooks = hooksOf(({ action }) => {
      if (!/Describe|List|get$|Get|wait$/.test(action)) this.#look();
    });
  }

  async tell(): Promise<void> {
    const { scale } = this.#shape;
    this.#operate();
    this.#machine = this.#launch();
    this.#machine.want(5 * scale);
    await this.#pass(20);
    this.#machine.want(scale);
    await this.#pass(25);
    this.#machine.want(6 * scale);
    await this.#pass(15);
    // Others take their place before every datapath has forgotten them.
    this.#machine.want(3 * scale);
    await this.#pass(0.3);
    this.#machine.want(6 * scale);
    await this.#pass(3);
    this.#machine.restart();
    await this.#pass(8);
    this.#machine.want(2 * scale);
    await this.#pass(9);
    // With things half done it is lost, and its name is another's before anybody has looked at what it left.
    this.#machine.want(6 * scale);
    await this.#pass(0.5);
    this.#lose();
    this.#registered = true;
    this.#machine = this.#launch();
    this.#machine.want(5 * scale);
    await this.#pass(4);
    // The next one leaves nobody behind for a while.
    this.#lose();
    await this.#pass(25);
    this.#registered = true;
    this.#machine = this.#launch();
    this.#machine.want(4 * scale);
    await this.#pass(20);
    this.#machine.want(2 * scale);
    await this.#quiet();
    for (let waited = 0; waited < PATIENCE && (await this.#open()).length > 0; waited += 60 * SECOND)
      await this.#pass(60);
    await this.#judge();
  }

  /** Other nodes of the cluster, other clusters, and interfaces that are nobody's. */
  #neighbours(): ReadonlyMap<string, string> {
    const { world } = this.#sim;
    const want = [{ family: 4, prefix: 32, count: 1 }] as const;
    const neighbour = this.#sim.launch({ name: "neighbour", pool: POOL, type: "tiny" });
    world.assign(world.attachedTo(neighbour.instance)[0]!.id, want[0]);
    for (const tags of [{ [CLUSTER_TAG]: "another" }, {}])
      world.create({ pool: POOL, want, securityGroups: [], tags });
    return new Map(this.#sim.interfaces.map((one) => [one.id, JSON.stringify(one)]));
  }

  #launch(): Machine {
    const shape = this.#shape;
    const { interfaces, blocks } = shape;
    const machine: Machine = new Machine({
      node: this.#sim.launch({ name: "node1", type: "tiny", pool: POOL, interfaces }),
      ipam: {
        provider: this.#provider,
        policy: { preAllocate: PRE_ALLOCATE, maxAboveWatermark: 0, blocks, excessDelay: 6 * SECOND },
        times: {
          retryAfter: 5 * SECOND,
          refreshAfter: 30 * SECOND,
          attachTime: 3 * SECOND,
          visibilityLag: shape.options.lag ?? 0,
          patience: 8 * SECOND,
        },
      },
      begin: () => this.#process("node1", () => machine.start()),
      violated: (what) => this.#violated(what),
      leased: (address, node) => this.#owned(address, node, "is given to a pod"),
    });
    machine.start();
    return machine;
  }

  #lose(): void {
    const { node } = this.#machine!;
    this.#machine!.lose();
    this.#registered = false;
    this.#sim.terminate(node.instance);
    this.#machine = undefined;
  }

  #operate(): void {
    const process = this.#process("operator", () => this.#operate());
    const { store, runtime } = process;
    const component = cloudIpamOperator({ provider: this.#provider, interval: 10 * SECOND });
    const context = {
      store,
      prefix: () => "test/",
      runtime,
      report: () => undefined,
      settled: async () => undefined,
      nodes: async () => (this.#registered ? ["node1", "neighbour"] : ["neighbour"]),
      watchNodes: async () => undefined,
    };
    void process.run(() => component.run(context, new AbortController().signal));
  }

  #process(name: string, again: () => void): Process {
    const died = (): void => void this.#clock.after(STARTS_AGAIN_AFTER, again);
    const { schedule } = this;
    return new Process({ name, clock: this.#clock, store: this.#store, schedule, seed: ++this.#lives, died });
  }

  #pass(seconds: number): Promise<void> {
    return this.#clock.advance(seconds * SECOND);
  }

  /** Until nothing has befallen anybody for a while. */
  async #quiet(): Promise<void> {
    for (let before = -1; before !== this.schedule.happened;) {
      before = this.schedule.happened;
      await this.#pass(45);
    }
  }

  async #open(): Promise<readonly string[]> {
    const { entries } = await this.#store.list("test/intents/");
    return entries.map(({ value }) => JSON.stringify(value));
  }

  /** Whatever is in use is delivered to its node, at any time. */
  #look(): void {
    const machine = this.#machine;
    if (machine === undefined) return;
    for (const address of machine.addresses) this.#owned(address, machine.node, "is in use");
  }

  #owned(address: string, { instance }: CloudNode, why: string): void {
    const { world } = this.#sim;
    const there = world
      .attachedTo(instance)
      .some(
        (one) => world.stateOf(one) === "attached" && one.addresses.some(({ cidr }) => covers(cidr, address)),
      );
    if (!there) this.#violated(`${address} ${why}, but the node does not have it`);
  }

  async #judge(): Promise<void> {
    const { world } = this.#sim;
    const machine = this.#machine!;
    this.#look();
    for (const leak of this.#sim.leaks()) this.#violated(`leaked: ${JSON.stringify(leak)}`);
    for (const intent of await this.#open()) this.#violated(`open: ${intent}`);
    for (const [id, before] of this.#others)
      if (JSON.stringify(world.interfaces.get(id)) !== before) this.#violated(`${id} is not ours`);
    const own = world.attachedTo(machine.node.instance);
    for (const { id } of this.#sim.interfaces)
      if (!this.#others.has(id) && !own.some((one) => one.id === id)) this.#violated(`${id} is nobody's`);
    const has = own.flatMap(({ addresses }) => addresses.filter(({ role }) => role !== "primary"));
    const cidrs = has.map(({ cidr }) => cidr).toSorted();
    if (machine.ranges.toSorted().join() !== cidrs.join())
      this.#violated(`the cloud has ${cidrs.join()}, the node ${machine.ranges.join()}`);
    const { scale, blocks } = this.#shape;
    if (machine.pods !== 2 * scale) this.#violated(`${machine.pods} pods`);
    // Pods, the node's own address, and what is kept free.
    const wanted = 2 * scale + 1 + PRE_ALLOCATE;
    const most = blocks ? Math.ceil(wanted / 16) : wanted;
    if (has.length !== most) this.#violated(`${has.length} addresses or blocks, not ${most}`);
    const owned = [...this.#sim.owners().keys()].reduce(
      (sum, cidr) => sum + (cidr.endsWith("/32") ? 1 : 16),
      0,
    );
    if (this.#sim.free(POOL, 4) !== this.#free - owned)
      this.#violated("addresses that nobody owns are not free");
  }

  #violated(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what);
  }
}

function covers(cidr: string, address: string): boolean {
  const [first, prefix] = cidr.split("/") as [string, string];
  if (prefix === "32") return first === address;
  const numberOf = (text: string): number =>
    text.split(".").reduce((number, part) => number * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(prefix));
  return Math.floor(numberOf(first) / size) === Math.floor(numberOf(address) / size);
}
