import { MemoryStore, ManualClock, seededRandom } from "@netloom/core/memory";
import type { AdvertisedFacts } from "../../src/advertise.ts";
import type { BackendContext } from "../../src/context.ts";
import type { BgpNode } from "../../src/resources/index.ts";

export const PREFIX = "netloom/default/v1/backends/bgp/";

/** An agent without an agent: facts that a test changes. */
export class FakeContext implements BackendContext {
  readonly prefix = PREFIX;
  readonly clock = new ManualClock();
  readonly runtime: BackendContext["runtime"] = { clock: this.clock, random: seededRandom(1) };
  readonly store: MemoryStore;
  readonly errors: unknown[] = [];
  readonly report = (error: unknown): void => void this.errors.push(error);
  #node: BgpNode = { name: "n1", labels: { rack: "r1" }, addresses: ["192.0.2.11"] };
  #facts: AdvertisedFacts = {
    draining: false,
    podCIDRs: ["10.244.1.0/24"],
    pools: [],
    services: [],
    interfaces: {},
  };
  readonly #listeners = new Set<() => void>();

  constructor(store: MemoryStore) {
    this.store = store;
  }

  readonly node = (): BgpNode => this.#node;

  readonly facts = (): AdvertisedFacts => this.#facts;

  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  get listeners(): number {
    return this.#listeners.size;
  }

  change(facts: Partial<AdvertisedFacts>, node: Partial<BgpNode> = {}): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#node = { ...this.#node, ...node };
    for (const listener of this.#listeners) listener();
  }
}
