import type { DatapathMetric, Runtime } from "@netloom/core";
import {
  configDefaults,
  EventLevel,
  maps as definitions,
  Metric,
  metricText,
  type Config,
  type FragmentKey,
  type FragmentValue,
} from "@netloom/core/backend";
import { memoryMap, type MemoryMap, type MemoryMaps } from "@netloom/core/memory";
import { EventRing } from "./event-ring.ts";
import type { NextHop } from "./next-hop.ts";
import { FLAT, type RouteTable } from "./fabric/routes.ts";

/** Does a socket of the node speak, or listen, on this port towards that peer? */
export type PortInUse = (question: {
  readonly protocol: number;
  /** Of the node. */
  readonly address: number;
  readonly port: number;
  readonly peer: number;
  readonly peerPort: number;
}) => boolean;

interface Count {
  packets: bigint;
  bytes: bigint;
}

/** All that the programs of one node share: its maps, what is fixed for it, what they count and tell. */
export class NodeState {
  readonly maps: MemoryMaps;
  readonly fragments: MemoryMap<FragmentKey, FragmentValue>;
  readonly events = new EventRing(() => this.count(Metric.METRIC_EVENTS_LOST, 0));
  /** The constants of the programs (`bpf/lib/config.h`). */
  config: Config = configDefaults;
  runtime: Runtime;
  portInUse: PortInUse = () => false;
  /** Of the node, and how large a packet its uplink carries. */
  routes: RouteTable = FLAT;
  mtu: number = Infinity;
  /** Of interfaces that pods' addresses belong to: the one way that each of their tables has. */
  tables: ReadonlyMap<number, NextHop> = new Map();
  readonly #counts = new Map<number, Count>();

  constructor(
    runtime: Runtime,
    maps: MemoryMaps,
    fragments: MemoryMap<FragmentKey, FragmentValue> = memoryMap(definitions.fragments),
  ) {
    this.runtime = runtime;
    this.maps = maps;
    this.fragments = fragments;
  }

  /** Nanoseconds. */
  now(): bigint {
    return BigInt(Math.round(this.runtime.clock.monotonic() * 1e6));
  }

  get eventLevel(): number {
    return this.maps.settings.get(0)?.events ?? EventLevel.EVENTS_NONE;
  }

  /** @param index - of a drop reason, or 256 and an outcome: see `enum metric`. */
  count(index: number, bytes: number): void {
    const count = this.#counts.get(index) ?? { packets: 0n, bytes: 0n };
    count.packets++;
    count.bytes += BigInt(bytes);
    this.#counts.set(index, count);
  }

  /** What has been counted, in the order of the metrics. */
  metrics(): readonly DatapathMetric[] {
    return [...this.#counts]
      .sort(([a], [b]) => a - b)
      .map(([index, { packets, bytes }]) => ({ name: metricText(index), packets, bytes }));
  }

  clear(): void {
    for (const map of Object.values(this.maps) as Iterable<{ clear(): void }>) map.clear();
    this.fragments.clear();
    this.#counts.clear();
  }
}
