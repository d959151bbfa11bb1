import type { Ipam, Lease } from "@netloom/core";

/** An IPAM of which some calls are done otherwise. */
function altered(ipam: Ipam, calls: Partial<Ipam>): Ipam {
  return new Proxy(ipam, {
    get(target, property) {
      const own = Reflect.get(calls, property) as unknown;
      if (own !== undefined) return own;
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === "function" ? (value as (...of: unknown[]) => unknown).bind(target) : value;
    },
  });
}

const nameOf = (owner: string): string => owner.slice(0, owner.indexOf("#"));

/** Azure CNS #885: a release frees what the name has now. */
export function releasesByName(ipam: Ipam): Ipam {
  const newest = new Map<string, Lease>();
  return altered(ipam, {
    async allocate(owner, options) {
      const lease = await ipam.allocate(owner, options);
      newest.set(nameOf(owner), lease);
      return lease;
    },
    release: (lease) => ipam.release(newest.get(nameOf(lease.owner)) ?? lease),
  });
}

/** #19996: an address is free as soon as its pod is gone. */
export function freesAtOnce(ipam: Ipam): Ipam {
  return altered(ipam, { retire: (lease) => ipam.release(lease) });
}

/** #46799: after a restart the gateway's address is a pod's. */
export function forgetsReserved(ipam: Ipam): Ipam {
  let restarted = false;
  return altered(ipam, {
    async restore(leases) {
      restarted = leases.length > 0;
      await ipam.restore(leases);
    },
    async allocate(owner, options) {
      const lease = await ipam.allocate(owner, options);
      return restarted ? { ...lease, addresses: ipam.routers() } : lease;
    },
  });
}

/** What was handed out before a restart is forgotten by it. */
export function forgetsLeases(ipam: Ipam): Ipam {
  return altered(ipam, { restore: async () => undefined });
}
