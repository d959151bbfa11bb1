import {
  isNetloomError,
  NetloomError,
  type AbortOptions,
  type Datapath,
  type DatapathEvent,
  type DatapathMaps,
  type Drift,
  type EndpointHook,
  type RunResult,
  type TypedMap,
} from "@netloom/core";
import { DropReason, encode, maps as definitions } from "@netloom/core/backend";
import { memoryDatapath } from "@netloom/core/memory";
import type { DatapathConformanceOptions } from "@netloom/conformance/datapath";
import { modelDatapath, type ModelDatapath } from "@netloom/datapath-model";

type Change<D> = (inner: D) => Partial<Datapath>;

/** The executable specification, and an audit of its pods, but for what `change` does to it. */
export function modelOptions(change: Change<ModelDatapath> = () => ({})): DatapathConformanceOptions {
  return optionsOf(
    () => modelDatapath({ maxEntries: { endpoints: 64 } }),
    (inner) => ({ audit: (_, hooks, options) => audit(inner, hooks, options), ...change(inner) }),
  );
}

async function audit(
  inner: Datapath,
  hooks: readonly EndpointHook[],
  { signal }: AbortOptions = {},
): Promise<readonly Drift[]> {
  signal?.throwIfAborted();
  const there = new Set((await inner.attachments()).map(({ name }) => name));
  const missing = hooks.filter(({ name }) => !there.has(name));
  for (const hook of missing) await inner.attach(hook);
  return missing.map(({ name }) => ({ what: "interface", which: name, problem: "missing" }));
}

/** The one in memory, through which no packets pass. */
export function memoryOptions(change: Change<Datapath> = () => ({})): DatapathConformanceOptions {
  return optionsOf(() => memoryDatapath({ maxEntries: { endpoints: 64 } }), change);
}

function optionsOf<D extends Datapath>(create: () => D, change: Change<D>): DatapathConformanceOptions {
  return {
    create: () => {
      const inner = create();
      return { ...delegate(inner), ...change(inner) };
    },
    successor: (datapath) => datapath,
    patience: 500,
  };
}

function delegate(inner: Datapath): Datapath {
  return {
    name: "broken",
    capabilities: inner.capabilities,
    maps: inner.maps,
    probe: (node, options) => inner.probe(node, options),
    start: (context, options) => inner.start(context, options),
    attach: (hook, options) => inner.attach(hook, options),
    detach: (name, options) => inner.detach(name, options),
    attachments: () => inner.attachments(),
    apply: (plan, options) => inner.apply(plan, options),
    events: (options) => inner.events(options),
    metrics: () => inner.metrics(),
    now: () => inner.now(),
    run: (packet, at, options) => inner.run(packet, at, options),
    uninstall: (options) => inner.uninstall(options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

/** By the check that finds it; `run-refused` needs one through which no packets pass. */
export const brokenDatapaths: Readonly<Record<string, DatapathConformanceOptions>> = {
  // Twelve bits are enough for an identity.
  "datapath/map-round-trip": withMap("ipcache", (map) => ({
    set: (key, value) => map.set(key, { ...value, identity: value.identity & 0xfff }),
  })),
  "datapath/map-absent": withMap("services", (map) => ({
    delete: (key) => {
      map.delete(key);
      return true;
    },
  })),
  "datapath/map-delete": withMap("nat", (map) => ({
    delete: (key) => {
      const there = map.get(key) !== undefined;
      if (there) map.deleteMany(Array.from(map.entries(), ([other]) => other));
      return there;
    },
  })),
  "datapath/map-replace": withMap("policy", (map) => ({
    set: (key, value) => {
      if (map.get(key) === undefined) map.set(key, value);
    },
  })),
  // A batch that was not full is taken for the last.
  "datapath/map-entries": withMap("services", (map) => ({
    entries: () => [...map.entries()].slice(0, 32),
  })),
  "datapath/map-many": withMap("policy", (map) => ({
    deleteMany: (keys) => void keys.every((key) => map.delete(key)),
  })),
  // Makes room.
  "datapath/map-capacity": withMap("endpoints", (map) => ({
    set: (key, value) => {
      try {
        map.set(key, value);
      } catch (error) {
        if (!isNetloomError(error, "ERR_CAPACITY")) throw error;
        const [[oldest]] = map.entries() as Iterable<never> as [[typeof key]];
        map.delete(oldest);
        map.set(key, value);
      }
    },
  })),
  "datapath/map-copies": withMap("ipcache", (map) => {
    const given = new Map<string, ReturnType<typeof map.get>>();
    return {
      set: (key, value) => {
        given.set(key.address.toString(), value);
        map.set(key, value);
      },
      setMany: (entries) => {
        given.clear();
        map.setMany(entries);
      },
      get: (key) => {
        const there = map.get(key);
        return there && (given.get(key.address.toString()) ?? there);
      },
    };
  }),
  "datapath/map-longest-prefix": withMap("ipcachePrefixes", (map) => ({
    get: (wanted) => {
      const name = encode(definitions.ipcachePrefixes.key, wanted);
      for (const [key, value] of map.entries())
        if (encode(definitions.ipcachePrefixes.key, key) === name) return value;
      return undefined;
    },
  })),
  "datapath/map-array": withMap("backends", (map) => {
    const written = new Set<number>();
    return {
      set: (index, value) => {
        written.add(index);
        map.set(index, value);
      },
      get: (index) => (written.has(index) ? map.get(index) : undefined),
    };
  }),
  "datapath/maglev": modelOptions(({ maps }) => {
    const tables = new Map<number, Uint16Array>();
    const maglev = {
      maxEntries: maps.maglev.maxEntries,
      set: (service: number, table: Uint16Array) => void tables.set(service, table),
      get: (service: number) => tables.get(service),
      delete: (service: number) => void tables.delete(service),
    };
    return { maps: { ...maps, maglev } };
  }),
  "datapath/attach": modelOptions((inner) => {
    const gatewayMac = 0x02_00_00_00_00_01;
    return {
      attach: async (hook, options) => ({ ...(await inner.attach(hook, options)), gatewayMac }),
      attachments: async () => (await inner.attachments()).map((one) => ({ ...one, gatewayMac })),
    };
  }),
  // Makes it anew.
  "datapath/attach-twice": modelOptions((inner) => ({
    attach: async (hook, options) => {
      if (options?.signal?.aborted !== true) await inner.detach(hook.name);
      return inner.attach(hook, options);
    },
  })),
  "datapath/detach": modelOptions((inner) => ({
    detach: async (_, options) => {
      for (const { name } of await inner.attachments()) await inner.detach(name, options);
    },
  })),
  "datapath/detach-absent": modelOptions((inner) => ({
    detach: async (name, options) => {
      if (!(await inner.attachments()).some((one) => one.name === name))
        throw new NetloomError("ERR_ENDPOINT_NOT_FOUND", `${name} is not attached`);
      await inner.detach(name, options);
    },
  })),
  // Until it has mended something, it takes all for changed.
  "datapath/audit-clean": modelOptions((inner) => {
    let mended = false;
    return {
      audit: async (_, hooks, options) => {
        const drifts = await audit(inner, hooks, options);
        mended ||= drifts.length > 0;
        if (mended) return drifts;
        return hooks.map(({ name }) => ({ what: "interface", which: name, problem: "changed" }));
      },
    };
  }),
  // Tells of it, and leaves it so.
  "datapath/audit-repair": modelOptions((inner) => ({
    audit: async (_, hooks, options) => {
      options?.signal?.throwIfAborted();
      const there = new Set((await inner.attachments()).map(({ name }) => name));
      const missing = hooks.filter(({ name }) => !there.has(name));
      return missing.map(({ name }) => ({ what: "interface", which: name, problem: "missing" as const }));
    },
  })),
  "datapath/probe": modelOptions((inner) => ({
    probe: async (node, options) => ({ ...(await inner.probe(node, options)), mtu: 0 }),
  })),
  "datapath/apply": modelOptions((inner) => {
    let last: unknown;
    return {
      apply: async (plan, options) => {
        if (plan === last) throw new NetloomError("ERR_SYSCALL", "there is such a route");
        await inner.apply(plan, options);
        last = plan;
      },
    };
  }),
  // Begins with nothing.
  "datapath/start-twice": modelOptions((inner) => {
    let running = false;
    return {
      start: async (context, options) => {
        if (running) inner.maps.policy.clear();
        await inner.start(context, options);
        running = true;
      },
      async [Symbol.asyncDispose]() {
        running = false;
        await inner[Symbol.asyncDispose]();
      },
    };
  }),
  "datapath/survives": modelOptions((inner) => ({
    async [Symbol.asyncDispose]() {
      inner.maps.endpoints.clear();
      await inner[Symbol.asyncDispose]();
    },
  })),
  "datapath/uninstall": modelOptions((inner) => ({
    uninstall: async (options) => {
      const left = [...inner.maps.policy.entries()];
      await inner.uninstall(options);
      inner.maps.policy.setMany(left);
    },
  })),
  "datapath/uninstall-twice": modelOptions((inner) => {
    let gone = false;
    return {
      uninstall: async (options) => {
        if (gone) throw new NetloomError("ERR_CLOSED", "there is nothing to uninstall");
        await inner.uninstall(options);
        gone = true;
      },
    };
  }),
  "datapath/closed-twice": modelOptions((inner) => {
    let closed = false;
    return {
      async [Symbol.asyncDispose]() {
        if (closed) throw new NetloomError("ERR_CLOSED", "it is closed already");
        closed = true;
        await inner[Symbol.asyncDispose]();
      },
    };
  }),
  "datapath/abort": modelOptions((inner) => ({ apply: (plan) => inner.apply(plan) })),
  // A gauge among the counters.
  "datapath/metrics": modelOptions((inner) => {
    let free = 100n;
    return { metrics: () => [...inner.metrics(), { name: "free", packets: 0n, bytes: --free }] };
  }),
  // In seconds.
  "datapath/now": modelOptions((inner) => ({ now: () => inner.now() / 1000 })),
  "datapath/events-abort": modelOptions((inner) => ({ events: () => inner.events() })),
  "datapath/events-closed": modelOptions((inner) => ({
    async *events(options) {
      yield* inner.events(options);
      if (options?.signal?.aborted !== true) await new Promise(() => undefined);
    },
  })),
  "datapath/run-refused": memoryOptions(() => ({
    run: async (packet) => ({ verdict: 0, packet, nanoseconds: 0 }),
  })),
  // As it came.
  "datapath/run-allowed": modelOptions((inner) => ({
    run: async (packet, at, options) => ({ ...(await inner.run(packet, at, options)), packet }),
  })),
  "datapath/run-denied-egress": letting(({ egressPolicy }) => egressPolicy === 11),
  "datapath/run-denied-ingress": letting(({ ingressPolicy }) => ingressPolicy === 12),
  "datapath/run-spoofed": letting(({ reason }) => reason === DropReason.DROP_INVALID_SOURCE_IP),
  // Knows no flows: an answer is a packet as any other.
  "datapath/run-reply": modelOptions((inner) => ({
    run: async (packet, at, options) => {
      const result = await inner.run(packet, at, options);
      return packet[47] === 0x12 ? { ...result, verdict: 2 } : result;
    },
  })),
  "datapath/run-event": modelOptions((inner) => ({
    async *events(options) {
      for await (const batch of inner.events(options)) yield batch.filter(({ reason }) => reason === 0);
    },
  })),
  "datapath/run-metrics": modelOptions((inner) => {
    let first: ReturnType<Datapath["metrics"]> | undefined;
    return { metrics: () => (first ??= inner.metrics()) };
  }),
};

type Tables = Omit<DatapathMaps, "maglev">;

/** One table of the model with one thing wrong. */
function withMap<N extends keyof Tables>(
  name: N,
  change: (map: Tables[N]) => Partial<Tables[N]>,
): DatapathConformanceOptions {
  return modelOptions(({ maps }) => {
    const map = maps[name] as TypedMap<unknown, unknown>;
    const right: TypedMap<unknown, unknown> = {
      name: map.name,
      maxEntries: map.maxEntries,
      get: (key) => map.get(key),
      set: (key, value) => map.set(key, value),
      delete: (key) => map.delete(key),
      entries: () => map.entries(),
      setMany: (entries) => map.setMany(entries),
      deleteMany: (keys) => map.deleteMany(keys),
    };
    return { maps: { ...maps, [name]: { ...right, ...change(maps[name]) } } };
  });
}

/** Lets packets pass that were dropped, where the event about it fits. */
function letting(fits: (event: DatapathEvent) => boolean): DatapathConformanceOptions {
  return modelOptions((inner) => ({
    async run(packet, at, options): Promise<RunResult> {
      const result = await inner.run(packet, at, options);
      const [event] = result.events;
      return result.verdict === 2 && event !== undefined && fits(event) ? { ...result, verdict: 7 } : result;
    },
  }));
}
