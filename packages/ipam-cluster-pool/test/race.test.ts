import { describe, expect, it } from "vitest";
import { parseCidr, type Cidr, type Ipam, type OperatorContext } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";
import { Turns } from "../../core/test/support/turns.ts";

const PREFIX = "cluster-pool/";
const pools = [{ name: "default", cidrs: ["10.0.0.0/22"], blockPrefix: { ipv4: 24 } }];

/** A cluster of four blocks, two operators, and nodes that come, crash, come back and go. */
class World {
  readonly random;
  readonly turns;
  readonly store = memoryStore();
  readonly registered = new Set<string>();
  /** The lives of nodes that use ranges now. */
  readonly live = new Map<string, Ipam>();
  readonly #operators: AbortController[] = [];
  readonly #running: Promise<unknown>[] = [];
  readonly reports: unknown[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.turns = new Turns(this.random);
  }

  startOperator(): void {
    const stop = new AbortController();
    const component = clusterPoolOperator({ pools });
    const context: OperatorContext = {
      store: this.turns.wrap(this.store, { before: 0.02, after: 0.02 }),
      prefix: () => PREFIX,
      runtime: this.turns.runtime,
      report: (error) => this.reports.push(error),
      settled: () => this.turns.turn(),
      nodes: async () => {
        await this.turns.turn();
        return [...this.registered];
      },
      watchNodes: (onChange, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve();
          onChange();
          this.#watchers.add(onChange);
          signal.addEventListener("abort", () => resolve(), { once: true });
        }),
    };
    // As the operator does: a component that fails is begun again.
    const run = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await component.run(context, stop.signal).catch((error: unknown) => this.reports.push(error));
        await this.turns.turn();
      }
    };
    this.#running.push(run());
    this.#operators.push(stop);
  }

  crashOperator(): void {
    this.#operators.shift()?.abort();
  }

  startNode(name: string): void {
    this.registered.add(name);
    for (const onChange of this.#watchers) onChange();
    const ipam = clusterPool();
    const { runtime } = this.turns;
    const store = this.turns.wrap(this.store, { before: 0.02, after: 0.02 });
    this.live.set(name, ipam);
    const start = ipam.start({ node: name, podCIDRs: [], families: [4], store, prefix: PREFIX, runtime });
    this.#running.push(
      start.catch(() => {
        // It comes up again, as a host application would see to.
        if (this.live.get(name) === ipam) this.startNode(name);
      }),
    );
  }

  crashNode(name: string): void {
    const ipam = this.live.get(name);
    this.live.delete(name);
    if (ipam !== undefined) this.#running.push(Promise.resolve(ipam[Symbol.asyncDispose]()));
  }

  removeNode(name: string): void {
    this.crashNode(name);
    this.registered.delete(name);
    for (const onChange of this.#watchers) onChange();
  }

  ranges(): [string, Cidr][] {
    return [...this.live].flatMap(([name, ipam]) =>
      ipam.status().ranges.map(({ range }): [string, Cidr] => [name, parseCidr(range)]),
    );
  }

  /** No two nodes use one address, now. */
  check(seed: number): void {
    const ranges = this.ranges();
    for (const [index, [node, cidr]] of ranges.entries()) {
      const other = ranges.slice(index + 1).find(([, one]) => one.overlaps(cidr));
      expect(other, `seed ${seed}: ${cidr.toString()} of ${node}`).toBeUndefined();
    }
  }

  async stop(): Promise<void> {
    while (this.#operators.length > 0) this.crashOperator();
    for (const name of this.live.keys()) this.crashNode(name);
    let ended = false;
    const all = Promise.allSettled(this.#running).then(() => (ended = true));
    while (!ended) {
      await this.turns.play();
      await new Promise(setImmediate);
    }
    await all;
  }
}

async function history(seed: number): Promise<number> {
  const world = new World(seed);
  const names = ["a", "b", "c", "d", "e"];
  world.startOperator();
  let turns = 0;
  for (let step = 0; step < 14; step++) {
    const name = names[Math.floor(world.random.next() * names.length)]!;
    const dice = world.random.next();
    if (dice < 0.45 && !world.live.has(name)) world.startNode(name);
    else if (dice < 0.6) world.crashNode(name);
    else if (dice < 0.8) world.removeNode(name);
    else if (dice < 0.9) world.startOperator();
    else {
      world.crashOperator();
      world.startOperator();
    }
    turns += await world.turns.play(() => world.check(seed), Math.floor(world.random.next() * 60));
  }
  // Peace: everybody who is registered is up, nothing fails any more but what is under way.
  for (const name of world.registered) if (!world.live.has(name)) world.startNode(name);
  turns += await world.turns.play(() => world.check(seed), 20_000);
  const { entries } = await world.store.list(`${PREFIX}claims/`);
  const owners = new Set(entries.map(({ value }) => (value as { node: string }).node));
  for (const owner of owners) expect(world.registered, `seed ${seed}: leaked by ${owner}`).toContain(owner);
  const served = [...world.live.values()].filter((ipam) => ipam.status().ranges.length > 0).length;
  expect(served, `seed ${seed}: nodes with a range`).toBe(Math.min(world.registered.size, 4));
  await world.stop();
  return turns;
}

describe("cluster-pool IPAM under operators and nodes that crash, come back and go", () => {
  it("never gives two nodes one address, and neither leaks nor withholds a block", async () => {
    let turns = 0;
    for (let seed = 0; seed < 400; seed++) turns += await history(seed);
    expect(turns).toBeGreaterThan(40_000);
  }, 120_000);
});
