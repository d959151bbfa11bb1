import { NetloomError, type Ipam, type Lease } from "@netloom/core";
import type { Breaks } from "./broken-ipam.ts";
import { onExhausted } from "./exhausted.ts";

/** IPAMs that let addresses come back wrongly, by the check that finds it. */
export const endings: Breaks = {
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
};

function nameOf({ owner, addresses }: Lease): string {
  return JSON.stringify([owner, addresses]);
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
