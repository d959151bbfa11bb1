import {
  NetloomError,
  parseAddress,
  TypedEmitter,
  type AllocateOptions,
  type Ipam,
  type IpamEvents,
  type Lease,
  type RestoredLease,
} from "@netloom/core";

/** Hands out exactly these addresses. The first is the node's own. */
export function listed(addresses: readonly string[]): Ipam {
  const [router, ...rest] = addresses.map((text) => parseAddress(text).toString());
  if (router === undefined)
    throw new NetloomError("ERR_OPTIONS_INVALID", "no addresses", { remedy: "give at least one" });
  const owners = new Map<string, { owner: string; retired: boolean }>();
  const held = (lease: Lease): string | undefined =>
    lease.addresses.find((address) => owners.get(address)?.owner === lease.owner);
  return {
    name: "listed",
    capabilities: { families: [4], requestedAddress: false },
    events: new TypedEmitter<IpamEvents>(() => {}),
    start: async () => {},
    ranges: () => addresses.map((address) => `${address}/32`),
    routers: () => [router],
    async restore(leases: readonly RestoredLease[]) {
      for (const { owner, retired, addresses: own } of leases)
        for (const one of own) owners.set(one, { owner, retired });
    },
    async allocate(owner: string, _options: AllocateOptions): Promise<Lease> {
      const known = [...owners].find(([, entry]) => entry.owner === owner && !entry.retired)?.[0];
      const address = known ?? rest.find((one) => !owners.has(one));
      if (address === undefined) {
        throw new NetloomError("ERR_IPAM_EXHAUSTED", `all ${rest.length} addresses are in use`, {
          retryable: true,
        });
      }
      owners.set(address, { owner, retired: false });
      return { owner, pool: "default", addresses: [address] };
    },
    async retire(lease: Lease) {
      const address = held(lease);
      if (address !== undefined) owners.set(address, { owner: lease.owner, retired: true });
    },
    async release(lease: Lease) {
      const address = held(lease);
      if (address !== undefined) owners.delete(address);
    },
    status: () => ({
      ranges: [
        {
          range: "listed",
          pool: "default",
          capacity: addresses.length,
          reserved: 1,
          allocated: [...owners.values()].filter(({ retired }) => !retired).length,
          quarantined: [...owners.values()].filter(({ retired }) => retired).length,
          free: rest.length - owners.size,
        },
      ],
    }),
    async [Symbol.asyncDispose]() {},
  };
}
