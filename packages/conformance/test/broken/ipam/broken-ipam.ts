import type { Ipam, IpamContext } from "@netloom/core";
import { follow } from "@netloom/core/backend";
import type { IpamConformanceOptions } from "@netloom/conformance/ipam";
import { hostScope } from "@netloom/ipam-host-scope";

/** What is wrong with `inner`; `life` counts the instances of one world, from 1. */
export type Break = (inner: Ipam, life: number) => Partial<Ipam>;

/** By the check that finds it. */
export type Breaks = Readonly<Record<string, Break>>;

/** Host-scope, which waits for its surroundings, but for what `change` does to it. */
export function ipamOptions(change: Break = () => ({})): IpamConformanceOptions {
  const lives = new WeakMap<object, number>();
  return {
    create: ({ store }) => {
      const inner = patient(hostScope());
      const life = (lives.get(store) ?? 0) + 1;
      lives.set(store, life);
      return { ...inner, ...change(inner, life) };
    },
    surround: async ({ store, prefix }) => {
      await store.create(`${prefix}ready`, true);
      return { [Symbol.asyncDispose]: async () => {} };
    },
    patience: 1000,
  };
}

function patient(inner: Ipam): Ipam {
  return {
    name: "broken",
    capabilities: inner.capabilities,
    events: inner.events,
    async start(context, options = {}) {
      await ready(context, options.signal);
      await inner.start(context, options);
    },
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

/** Resolves when the surroundings are there. */
export async function ready({ store, prefix, runtime }: IpamContext, signal?: AbortSignal): Promise<void> {
  const found = new AbortController();
  const look = (count: number): void => {
    if (count > 0) found.abort();
  };
  await follow({
    store,
    runtime,
    prefix: `${prefix}ready`,
    signal: signal === undefined ? found.signal : AbortSignal.any([signal, found.signal]),
    onList: ({ entries }) => look(entries.length),
    onBatch: ({ changes }) => look(changes.length),
    onError: () => undefined,
  });
  signal?.throwIfAborted();
}
