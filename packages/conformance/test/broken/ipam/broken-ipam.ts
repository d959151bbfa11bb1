import { createOperator, type Ipam, type IpamContext } from "@netloom/core";
import type { IpamConformanceOptions } from "@netloom/conformance/ipam";
import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";

/** What is wrong with `inner`; `life` counts the instances of one world, from 1. */
export type Break = (inner: Ipam, life: number) => Partial<Ipam>;

/** By the check that finds it. */
export type Breaks = Readonly<Record<string, Break>>;

const NODES = "netloom/default/v1/state/nodes/";

/** Cluster-pool IPAM, but for what `change` does to it. */
export function ipamOptions(change: Break = () => ({})): IpamConformanceOptions {
  const lives = new WeakMap<object, number>();
  return {
    create: ({ store }) => {
      const inner = clusterPool();
      const life = (lives.get(store) ?? 0) + 1;
      lives.set(store, life);
      return { ...delegate(inner), ...change(inner, life) };
    },
    surround: async (context) => {
      const fact = { name: context.node, addresses: [], podCIDRs: [], routers: [] };
      await context.store.create(`${NODES}${context.node}`, fact);
      return operate(context, context.podCIDRs);
    },
    grow: (context) => operate(context, [...context.podCIDRs, "10.78.0.16/28", "fd00:78::10/124"]),
    patience: 2000,
  };
}

/** Whether there is somebody who gives ranges. */
export async function isSurrounded({ store }: IpamContext): Promise<boolean> {
  return (await store.list(NODES)).entries.length > 0;
}

async function operate({ store }: IpamContext, cidrs: readonly string[]): Promise<AsyncDisposable> {
  const pools = [{ name: "default", cidrs, blockPrefix: { ipv4: 28, ipv6: 124 } }];
  const operator = createOperator({ store, components: [clusterPoolOperator({ pools })] });
  await operator.start();
  return operator;
}

function delegate(inner: Ipam): Ipam {
  return {
    name: inner.name,
    capabilities: inner.capabilities,
    events: inner.events,
    start: (context, options) => inner.start(context, options),
    ranges: () => inner.ranges(),
    routers: () => inner.routers(),
    restore: (leases) => inner.restore(leases),
    allocate: (owner, options) => inner.allocate(owner, options),
    retire: (lease) => inner.retire(lease),
    release: (lease) => inner.release(lease),
    status: () => inner.status(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
