import {
  AddressRange,
  createAgent,
  NetloomError,
  parseAddress,
  parseCidr,
  TypedEmitter,
  type Agent,
  type AgentOptions,
  type Ipam,
  type IpamEvents,
  type Lease,
  type Routing,
  type Store,
} from "@netloom/core";
import { memoryDatapath, type MemoryDatapath } from "@netloom/core/memory";

/** One range, as plain as can be. With a router that is elsewhere, pods may have every address of it. */
export function rangeIpam(cidr: string, elsewhere?: string): Ipam {
  const parsed = parseCidr(cidr);
  const router = elsewhere === undefined ? parsed.first.offset(1) : parseAddress(elsewhere);
  const all = elsewhere !== undefined;
  const reserved = [{ address: router, owner: "router" }];
  const range = new AddressRange(parsed, { reserved, allowFirst: all, allowLast: all });
  const each = (lease: Lease, act: (address: ReturnType<typeof parseAddress>) => unknown): void => {
    for (const address of lease.addresses) act(parseAddress(address));
  };
  return {
    name: "range",
    capabilities: { families: [4], requestedAddress: true },
    events: new TypedEmitter<IpamEvents>(() => {}),
    start: async () => {},
    ranges: () => [cidr],
    routers: () => [router.toString()],
    restore: async (leases) => {
      for (const lease of leases) {
        each(lease, (address) =>
          range.claim(address, lease.owner, lease.retired ? "quarantined" : "allocated"),
        );
      }
    },
    allocate: async (owner, { addresses }) => {
      const [wanted] = addresses ?? [];
      const address = wanted === undefined ? range.allocate(owner) : range.claim(parseAddress(wanted), owner);
      return { owner, pool: "default", addresses: [address.toString()] };
    },
    retire: async (lease) => each(lease, (address) => range.retire(address, lease.owner)),
    release: async (lease) => each(lease, (address) => range.release(address, lease.owner)),
    status: () => ({ ranges: [{ range: cidr, pool: "default", ...range.status() }] }),
    async [Symbol.asyncDispose]() {},
  };
}

/** Every remote pod CIDR is behind a tunnel. */
export function tunnelRouting(): Routing {
  return {
    name: "tunnel",
    start: async () => {},
    overhead: () => 50,
    plan: (_local, remotes, underlay) => ({
      overlay: { protocol: "vxlan", port: 8472, mtu: underlay.mtu - 50 },
      podMtu: underlay.mtu - 50,
      nodes: remotes.map(({ name, addresses }) => ({ node: name, tunnel: addresses[0] })),
      tunnels: remotes.flatMap(({ name, addresses, podCIDRs }) =>
        podCIDRs.map((prefix) => ({ prefix, node: name, endpoint: addresses[0]! })),
      ),
      native: [],
      routes: [],
      problems: [],
    }),
    async [Symbol.asyncDispose]() {},
  };
}

export interface TestNode {
  readonly agent: Agent;
  readonly datapath: MemoryDatapath;
  readonly errors: NetloomError[];
}

/** Node `index` has 192.0.2.<index> and 10.1.<index>.0/24. */
export function testNode(store: Store, index: number, options: Partial<AgentOptions> = {}): TestNode {
  const datapath = (options.datapath as MemoryDatapath | undefined) ?? memoryDatapath();
  const errors: NetloomError[] = [];
  const agent = createAgent({
    node: { name: `node${index}`, addresses: [`192.0.2.${index}`] },
    store,
    ipam: rangeIpam(`10.1.${index}.0/24`),
    routing: tunnelRouting(),
    ...options,
    datapath,
  });
  agent.events.on("error", (error) => errors.push(error as NetloomError));
  return { agent, datapath, errors };
}
