import {
  isNetloomError,
  NetloomError,
  TypedEmitter,
  type AllocateOptions,
  type Ipam,
  type IpamContext,
  type Lease,
} from "@netloom/core";
import { follow } from "@netloom/core/backend";
import type { IpamConformanceOptions } from "@netloom/conformance/ipam";
import { hostScope } from "@netloom/ipam-host-scope";

/** What is wrong with `inner`; `life` counts the instances of one world, from 1. */
type Break = (inner: Ipam, life: number) => Partial<Ipam>;

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
async function ready({ store, prefix, runtime }: IpamContext, signal?: AbortSignal): Promise<void> {
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

/** By the check that finds it. */
export const brokenIpams: Readonly<Record<string, Break>> = {
  // Takes what stands before a slash for the name.
  "ipam/lease": (inner) => ({
    allocate: async (owner, options) => {
      const lease = await inner.allocate(owner, options);
      return { ...lease, owner: owner.replace(/.*\//, "") };
    },
  }),
  "ipam/same-owner": (inner) => {
    const seen = new Set<string>();
    let busy = 0;
    return {
      allocate: async (owner, options) => {
        const again = seen.has(owner) && busy === 0 && options.addresses === undefined;
        busy++;
        seen.add(owner);
        try {
          return { ...(await inner.allocate(again ? `${owner} again` : owner, options)), owner };
        } finally {
          busy--;
        }
      },
      // After a restart, nobody has asked yet; and whoever has started twice is asked for what he had.
      start: async (...parameters) => {
        seen.clear();
        await inner.start(...parameters);
      },
    };
  },
  // One more than there are.
  "ipam/every-address": (inner) => {
    let last: Lease | undefined;
    let given = false;
    return {
      allocate: (owner, options) =>
        onExhausted(inner, owner, options, (error) => {
          if (given || last === undefined) throw error;
          given = true;
          return { ...last, owner };
        }).then((lease) => (last = lease)),
    };
  },
  "ipam/one-family": (inner) => ({
    allocate: (owner, options) =>
      inner.allocate(owner, owner.startsWith("only") ? { ...options, families: [4, 6] } : options),
  }),
  "ipam/both-or-neither": (inner) => ({
    allocate: (owner, options) =>
      onExhausted(inner, owner, options, async (error) => {
        const [four] = inner.status().ranges;
        if (options.families.length > 1 && four!.free > 0) await inner.allocate(owner, { families: [4] });
        throw error;
      }),
  }),
  "ipam/exhaustion": (inner) => ({
    allocate: (owner, options) =>
      onExhausted(inner, owner, options, ({ message }) => {
        throw new NetloomError("ERR_IPAM_EXHAUSTED", message, { retryable: false });
      }),
  }),
  "ipam/exhaustion-counts": (inner) => ({
    allocate: (owner, options) =>
      onExhausted(inner, owner, options, () => {
        throw new NetloomError("ERR_IPAM_EXHAUSTED", "no free address", { retryable: true });
      }),
  }),
  "ipam/exhaustion-event": () => ({ events: new TypedEmitter(() => undefined) }),
  "ipam/pool-unknown": (inner) => ({
    allocate: (owner, options) => inner.allocate(owner, { ...options, pool: "default" }),
  }),
  // Who comes while another is served gets the other's.
  "ipam/concurrent-owners": (inner) => {
    const serving = new Map<string, Promise<Lease>>();
    return {
      allocate: async (owner, options) => {
        const [other] = serving;
        if (other !== undefined && other[0] !== owner) return { ...(await other[1]), owner };
        const lease = inner.allocate(owner, options);
        serving.set(owner, lease);
        try {
          return await lease;
        } finally {
          serving.delete(owner);
        }
      },
    };
  },
  "ipam/concurrent-owner": (inner) => {
    const serving = new Map<string, number>();
    return {
      allocate: async (owner, options) => {
        const others = serving.get(owner) ?? 0;
        serving.set(owner, others + 1);
        try {
          return { ...(await inner.allocate(others === 0 ? owner : `${owner}+${others}`, options)), owner };
        } finally {
          serving.set(owner, serving.get(owner)! - 1);
        }
      },
    };
  },
  "ipam/abort": (inner) => ({
    allocate: async (owner, { signal, ...options }) => {
      const lease = await inner.allocate(owner, options);
      signal?.throwIfAborted();
      return lease;
    },
  }),
  "ipam/counts": (inner) => ({
    status: () => ({ ranges: inner.status().ranges.map((range) => ({ ...range, quarantined: 0 })) }),
  }),
  // In need, what is retired will do.
  "ipam/quarantine": (inner) => {
    const retired: Lease[] = [];
    return {
      retire: (lease) => {
        retired.push(lease);
        return inner.retire(lease);
      },
      release: (lease) => {
        retired.splice(
          retired.findIndex(({ owner }) => owner === lease.owner),
          1,
        );
        return inner.release(lease);
      },
      allocate: (owner, options) =>
        onExhausted(inner, owner, options, async (error) => {
          const lease = retired.pop();
          if (lease === undefined) throw error;
          await inner.release(lease);
          return inner.allocate(owner, options);
        }),
    };
  },
  "ipam/retire-twice": (inner) => {
    const retired = new Set<string>();
    return {
      retire: async (lease) => {
        if (retired.has(lease.owner)) await inner.release(lease);
        else await inner.retire(lease);
        retired.add(lease.owner);
      },
      release: (lease) => {
        retired.delete(lease.owner);
        return inner.release(lease);
      },
    };
  },
  "ipam/retire-owner-only": (inner) => {
    const owners = ownersOf(inner);
    return {
      allocate: owners.allocate,
      retire: async (lease) => {
        // Somebody who never had anything: the address is enough.
        const owner = owners.former.has(lease.owner) ? lease.owner : owners.current.get(lease.addresses[0]!);
        await inner.retire({ ...lease, owner: owner ?? lease.owner });
      },
    };
  },
  // Only what was retired before.
  "ipam/release": (inner, life) => {
    const retired = new Set<string>();
    return {
      retire: (lease) => {
        retired.add(lease.owner);
        return inner.retire(lease);
      },
      release: async (lease) => {
        const { ranges } = inner.status();
        if (life > 1 || retired.has(lease.owner) || ranges.some(({ free }) => free > 0))
          await inner.release(lease);
      },
    };
  },
  "ipam/release-twice": (inner) => {
    const released = new Set<string>();
    return {
      release: async (lease) => {
        const free = inner.status().ranges.every((range) => range.free > 0);
        if (free && released.has(nameOf(lease)))
          throw new NetloomError("ERR_IPAM_CONFLICT", "it is free already");
        released.add(nameOf(lease));
        await inner.release(lease);
      },
    };
  },
  // Who has had it once may always give it back.
  "ipam/release-late": (inner) => {
    const owners = ownersOf(inner);
    return {
      allocate: owners.allocate,
      release: async (lease) => {
        const owner = owners.former.has(lease.owner) ? owners.current.get(lease.addresses[0]!) : undefined;
        await inner.release({ ...lease, owner: owner ?? lease.owner });
      },
    };
  },
  "ipam/release-owner-only": (inner) => {
    const owners = ownersOf(inner);
    return {
      allocate: owners.allocate,
      release: async (lease) => {
        const owner = owners.former.has(lease.owner) ? lease.owner : owners.current.get(lease.addresses[0]!);
        await inner.release({ ...lease, owner: owner ?? lease.owner });
      },
    };
  },
  // A wish.
  "ipam/requested": (inner) => ({
    allocate: async (owner, { addresses, ...options }) => {
      if (addresses === undefined) return inner.allocate(owner, options);
      const lease = await inner.allocate(owner, { ...options, addresses });
      const other = await inner.allocate(`${owner} elsewhere`, options);
      await inner.release(lease);
      return { ...other, owner };
    },
  }),
  "ipam/requested-taken": ignoring(
    ({ message, retryable }) => message.includes("allocated to") && !retryable,
  ),
  "ipam/requested-quarantined": ignoring(({ message }) => message.includes("quarantined after")),
  "ipam/requested-router": ignoring(({ message }) => message.includes("reserved for")),
  "ipam/requested-outside": ignoring(({ code }) => code === "ERR_IPAM_OUT_OF_RANGE"),
  "ipam/restart": (inner, life) => ({
    ranges: () => (life === 1 ? inner.ranges() : inner.ranges().toReversed()),
  }),
  // The first address of each only.
  "ipam/restore": (inner) => ({
    restore: (leases) =>
      inner.restore(
        leases.map((lease) => (lease.retired ? lease : { ...lease, addresses: lease.addresses.slice(0, 1) })),
      ),
  }),
  "ipam/restore-retired": (inner) => ({
    restore: (leases) => inner.restore(leases.filter(({ retired }) => !retired)),
  }),
  "ipam/restore-foreign": (inner) => ({
    restore: async (leases) => {
      await inner.restore(leases).catch((error: unknown) => {
        if (!isNetloomError(error, "ERR_IPAM_FOREIGN") || leases.length > 1) throw error;
      });
    },
  }),
  "ipam/restore-conflict": (inner) => ({
    restore: async (leases) => {
      await inner.restore(leases).catch((error: unknown) => {
        if (!isNetloomError(error, "ERR_IPAM_CONFLICT")) throw error;
      });
    },
  }),
  "ipam/restore-whole": (inner) => ({
    restore: async (leases) => {
      for (const lease of leases) await inner.restore([lease]);
    },
  }),
  "ipam/ranges": (inner) => ({
    ranges: () => inner.ranges().map((range) => range.replace("/28", "/30")),
    routers: () => inner.routers(),
  }),
  "ipam/routers": (inner) => ({ routers: () => inner.routers().slice(0, 1) }),
  "ipam/start-waits": (inner) => ({
    start: async (context, options = {}) => {
      const started = inner.start(context, options);
      const { entries } = await context.store.list(context.prefix);
      if (entries.length > 0) await started;
      else started.catch(() => undefined);
    },
  }),
  "ipam/start-abort": (inner) => ({
    start: (context, options = {}) => inner.start(context, options.signal?.aborted === true ? {} : options),
  }),
  "ipam/start-twice": () => {
    let current: Ipam = hostScope();
    let [started, closed] = [false, false];
    return {
      start: async (context, options = {}) => {
        await ready(context, options.signal);
        if (started) current = hostScope();
        started = true;
        await current.start(context, options);
      },
      ranges: () => current.ranges(),
      routers: () => current.routers(),
      restore: (leases) => current.restore(leases),
      allocate: async (owner, options) => {
        if (closed) throw new NetloomError("ERR_CLOSED", "closed");
        return current.allocate(owner, options);
      },
      retire: (lease) => current.retire(lease),
      release: (lease) => current.release(lease),
      status: () => current.status(),
      get events() {
        return current.events;
      },
      [Symbol.asyncDispose]: async () => {
        closed = true;
      },
    };
  },
  "ipam/closed": () => ({ [Symbol.asyncDispose]: async () => {} }),
  "ipam/closed-twice": (inner) => {
    let closed = false;
    return {
      async [Symbol.asyncDispose]() {
        if (closed) throw new NetloomError("ERR_CLOSED", "it is closed already");
        closed = true;
        await inner[Symbol.asyncDispose]();
      },
    };
  },
};

function nameOf({ owner, addresses }: Lease): string {
  return JSON.stringify([owner, addresses]);
}

async function onExhausted(
  inner: Ipam,
  owner: string,
  options: AllocateOptions,
  otherwise: (error: NetloomError) => Lease | Promise<Lease>,
): Promise<Lease> {
  try {
    return await inner.allocate(owner, options);
  } catch (error) {
    if (!isNetloomError(error, "ERR_IPAM_EXHAUSTED")) throw error;
    return otherwise(error);
  }
}

/** Gives some other address where a request is refused with an error that fits. */
function ignoring(fits: (error: NetloomError) => boolean): Break {
  return (inner) => ({
    allocate: async (owner, options) => {
      try {
        return await inner.allocate(owner, options);
      } catch (error) {
        if (options.addresses === undefined || !isNetloomError(error) || !fits(error)) throw error;
        const { addresses: _, ...rest } = options;
        return inner.allocate(owner, rest);
      }
    },
  });
}

/** Who had which address last, and who ever had one. */
function ownersOf(inner: Ipam): {
  readonly current: ReadonlyMap<string, string>;
  readonly former: ReadonlySet<string>;
  readonly allocate: Ipam["allocate"];
} {
  const current = new Map<string, string>();
  const former = new Set<string>();
  return {
    current,
    former,
    allocate: async (owner, options) => {
      const lease = await inner.allocate(owner, options);
      former.add(owner);
      for (const address of lease.addresses) current.set(address, owner);
      return lease;
    },
  };
}
