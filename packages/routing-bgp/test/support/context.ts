import { MemoryStore, seededRandom } from "@netloom/core/memory";
import type { RoutedNode, RoutedPool, RoutedService, RoutingContext } from "@netloom/core";
import { CountedClock } from "./counted-clock.ts";

export const PREFIX = "netloom/default/v1/backends/bgp/";

/** An agent without an agent: facts that a test changes. */
export class FakeContext implements RoutingContext {
  readonly prefix = PREFIX;
  readonly clock = new CountedClock();
  readonly runtime: RoutingContext["runtime"] = { clock: this.clock, random: seededRandom(1) };
  readonly store: MemoryStore;
  readonly errors: unknown[] = [];
  readonly report = (error: unknown): void => void this.errors.push(error);
  #node: ReturnType<RoutingContext["node"]> = {
    name: "n1",
    labels: { rack: "r1" },
    addresses: ["192.0.2.11"],
    podCIDRs: ["10.244.1.0/24"],
    routers: ["10.244.1.1"],
  };
  #services: readonly RoutedService[] = [];
  #pools: readonly RoutedPool[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(store: MemoryStore) {
    this.store = store;
  }

  node(): ReturnType<RoutingContext["node"]> {
    return this.#node;
  }

  pools(): readonly RoutedPool[] {
    return this.#pools;
  }

  services(): readonly RoutedService[] {
    return this.#services;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  change(parts: {
    readonly node?: Partial<RoutedNode & { readonly labels: Readonly<Record<string, string>> }>;
    readonly services?: readonly RoutedService[];
    readonly pools?: readonly RoutedPool[];
  }): void {
    this.#node = { ...this.#node, ...parts.node };
    this.#services = parts.services ?? this.#services;
    this.#pools = parts.pools ?? this.#pools;
    for (const listener of this.#listeners) listener();
  }
}
