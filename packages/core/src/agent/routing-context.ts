import { formatAddress, type Address } from "../address/index.ts";
import { TypedEmitter } from "../events.ts";
import type { FactChange, FactTables } from "../facts/fact-tables.ts";
import type { NodeFact } from "../node/node.ts";
import type { RangeStatus } from "../ports/ipam.ts";
import type { RoutedNode, RoutedPool, RoutedService, RoutingContext } from "../ports/routing.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";
import type { ParsedService } from "../service/parse.ts";
import type { ServiceAddressType } from "../service/types.ts";
import type { Derivation } from "./derivation.ts";

export interface RoutingViewOptions {
  readonly node: () => NodeFact;
  readonly labels: Readonly<Record<string, string>>;
  readonly ranges: () => readonly RangeStatus[];
  readonly facts: FactTables;
  readonly derivation: Derivation;
  readonly store: Store;
  readonly prefix: string;
  readonly runtime: Runtime;
  readonly report: (error: unknown) => void;
}

/** What the agent lets its routing backend see. */
export class RoutingView implements RoutingContext {
  readonly store: Store;
  readonly prefix: string;
  readonly runtime: Runtime;
  readonly report: (error: unknown) => void;
  readonly #options: RoutingViewOptions;
  readonly #events: TypedEmitter<{ readonly changed: readonly [] }>;

  constructor(options: RoutingViewOptions) {
    this.#options = options;
    this.store = options.store;
    this.prefix = options.prefix;
    this.runtime = options.runtime;
    this.report = options.report;
    this.#events = new TypedEmitter((error) => options.report(error));
  }

  node(): RoutedNode & { readonly labels: Readonly<Record<string, string>> } {
    return { ...this.#options.node(), labels: this.#options.labels };
  }

  pools(): readonly RoutedPool[] {
    const pools = new Map<string, string[]>();
    for (const { pool, range } of this.#options.ranges()) {
      const ranges = pools.get(pool) ?? [];
      pools.set(pool, ranges);
      ranges.push(range);
    }
    return [...pools].map(([name, ranges]) => ({ name, ranges }));
  }

  services(): readonly RoutedService[] {
    const { facts, derivation } = this.#options;
    const local = derivation.localAddresses();
    const isLocal = (address: Address): boolean => local.has(formatAddress(address));
    return [...facts.services.values()].map(({ value }) => ({
      name: value.name,
      labels: value.labels,
      addresses: texts(value.addressesByType),
      externalTrafficPolicy: value.externalTrafficPolicy,
      backends: derivation.services.readyBackends(value.name, isLocal),
    }));
  }

  onChange(listener: () => void): () => void {
    return this.#events.on("changed", listener);
  }

  /** Facts have been derived from: services may be another matter now. */
  derived(changes: readonly FactChange[]): void {
    if (changes.some(({ kind }) => kind === "services" || kind === "endpoints")) this.changed();
  }

  changed(): void {
    this.#events.emit("changed");
  }
}

function texts(byType: ParsedService["addressesByType"]): Record<ServiceAddressType, readonly string[]> {
  return {
    ClusterIP: byType.ClusterIP.map(formatAddress),
    ExternalIP: byType.ExternalIP.map(formatAddress),
    LoadBalancerIP: byType.LoadBalancerIP.map(formatAddress),
  };
}
