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

/** Hands out exactly these IPv4 addresses. The first is the node's own. */
export function listed(addresses: readonly string[]): Ipam {
  const [router, ...rest] = new Set(addresses.map(ipv4));
  if (router === undefined)
    throw new NetloomError("ERR_OPTIONS_INVALID", "no addresses", { remedy: "give at least one" });
  const owners = new Map<string, { readonly owner: string; readonly retired: boolean }>();
  const held = ({ owner, addresses: own }: Lease): string | undefined =>
    own.find((address) => owners.get(address)?.owner === owner);
  return {
    name: "listed",
    capabilities: { families: [4], requestedAddress: false },
    events: new TypedEmitter<IpamEvents>(() => {}),
    start: async () => {},
    ranges: () => [router, ...rest].map((address) => `${address}/32`),
    routers: () => [router],
    async restore(leases: readonly RestoredLease[]) {
      for (const { owner, retired, addresses: own } of leases) {
        for (const one of own) {
          if (!rest.includes(one))
            throw refused("ERR_IPAM_FOREIGN", `${owner} has ${one}, which is not listed`);
          const other = owners.get(one)?.owner ?? owner;
          if (other !== owner) throw refused("ERR_IPAM_CONFLICT", `${owner} and ${other} both have ${one}`);
          owners.set(one, { owner, retired });
        }
      }
    },
    async allocate(owner: string, options: AllocateOptions): Promise<Lease> {
      if (options.addresses !== undefined) throw refused("ERR_UNSUPPORTED", "nobody can choose an address");
      const known = [...owners].find(([, entry]) => entry.owner === owner && !entry.retired)?.[0];
      const address = known ?? rest.find((one) => !owners.has(one));
      if (address === undefined) {
        throw new NetloomError("ERR_IPAM_EXHAUSTED", `all ${rest.length} addresses are in use`, {
          backend: "listed",
          remedy: "delete endpoints, or list more addresses",
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
    status: () => {
      const quarantined = [...owners.values()].filter(({ retired }) => retired).length;
      const counts = { reserved: 1, allocated: owners.size - quarantined, quarantined };
      const [capacity, free] = [rest.length + 1, rest.length - owners.size];
      return { ranges: [{ range: "listed", pool: "default", capacity, free, ...counts }] };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function ipv4(text: string): string {
  const address = parseAddress(text);
  if (address.family === 4) return address.toString();
  throw refused("ERR_OPTIONS_INVALID", `${text} is no IPv4 address`);
}

function refused(code: string, message: string): NetloomError {
  return new NetloomError(code, message, { backend: "listed" });
}
