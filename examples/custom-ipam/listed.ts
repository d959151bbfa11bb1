import {
  NetloomError,
  parseAddress,
  TypedEmitter,
  type AbortOptions,
  type AllocateOptions,
  type Ipam,
  type IpamContext,
  type IpamEvents,
  type Lease,
  type RangeStatus,
  type RestoredLease,
} from "@netloom/core";

/** Hands out exactly these IPv4 addresses. The first is the node's own. */
export function listed(addresses: readonly string[]): Ipam {
  const [router, ...rest] = new Set(addresses.map(ipv4));
  if (router === undefined)
    throw new NetloomError("ERR_OPTIONS_INVALID", "no addresses", { remedy: "give at least one" });
  const owners = new Map<string, { readonly owner: string; readonly retired: boolean }>();
  const events = new TypedEmitter<IpamEvents>(() => {});
  let closed = false;
  const held = ({ owner, addresses: own }: Lease): string | undefined =>
    own.find((address) => owners.get(address)?.owner === owner);
  const counts = (): RangeStatus => {
    const quarantined = [...owners.values()].filter(({ retired }) => retired).length;
    const [allocated, free] = [owners.size - quarantined, rest.length - owners.size];
    return {
      range: "listed",
      pool: "default",
      capacity: rest.length + 1,
      free,
      reserved: 1,
      allocated,
      quarantined,
    };
  };
  return {
    name: "listed",
    capabilities: { families: [4], requestedAddress: false },
    events,
    async start(_: IpamContext, { signal }: AbortOptions = {}) {
      signal?.throwIfAborted();
    },
    ranges: () => [router, ...rest].map((address) => `${address}/32`),
    routers: () => [router],
    async restore(leases: readonly RestoredLease[]) {
      const restored = new Map(owners); // all of them or, where one is refused, none
      for (const { owner, retired, addresses: own } of leases) {
        for (const one of own) {
          if (!rest.includes(one))
            throw refused("ERR_IPAM_FOREIGN", `${owner} has ${one}, which is not listed`);
          const other = restored.get(one)?.owner ?? owner;
          if (other !== owner) throw refused("ERR_IPAM_CONFLICT", `${owner} and ${other} both have ${one}`);
          restored.set(one, { owner, retired });
        }
      }
      for (const [address, entry] of restored) owners.set(address, entry);
    },
    async allocate(owner: string, options: AllocateOptions): Promise<Lease> {
      options.signal?.throwIfAborted();
      if (closed) throw refused("ERR_CLOSED", "it was disposed");
      const pool = options.pool ?? "default";
      if (pool !== "default") throw refused("ERR_IPAM_NO_RANGE", `there is no pool ${pool}`);
      if (options.addresses !== undefined) throw refused("ERR_UNSUPPORTED", "nobody can choose an address");
      const known = [...owners].find(([, entry]) => entry.owner === owner && !entry.retired)?.[0];
      const address = known ?? rest.find((one) => !owners.has(one));
      if (address === undefined) {
        const range = counts();
        events.emit("range:exhausted", range);
        const message = `no free address (${range.range}: ${range.allocated} of ${range.capacity} allocated)`;
        throw new NetloomError("ERR_IPAM_EXHAUSTED", message, {
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
    status: () => ({ ranges: [counts()] }),
    async [Symbol.asyncDispose]() {
      closed = true;
    },
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
