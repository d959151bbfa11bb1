import {
  isNetloomError,
  NetloomError,
  NodeRanges,
  parseAddress,
  parseCidr,
  TypedEmitter,
  type AllocateOptions,
  type Family,
  type Ipam,
  type IpamCapabilities,
  type IpamContext,
  type IpamEvents,
  type IpamStatus,
  type Lease,
  type RestoredLease,
} from "@netloom/core";

const NAME = "host-scope";
/** Everything is in one pool. */
const POOL = "default";

export interface HostScopeOptions {
  /** @defaultValue what the node object says: `podCIDRs` of the agent's node */
  readonly podCIDRs?: readonly string[];
  /** Addresses never handed out, beside the first and last of each range and the node's own. @defaultValue [] */
  readonly reserved?: readonly string[];
  /** Hand out the first address of a range too. @defaultValue false */
  readonly allowFirst?: boolean;
  /** Hand out the last address of a range too. @defaultValue false */
  readonly allowLast?: boolean;
}

/**
 * Hands out the addresses of ranges that somebody else assigned to the node.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function hostScope(options: HostScopeOptions = {}): Ipam {
  const check = <T>(option: string, text: string, parse: (text: string) => T): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      throw new NetloomError("ERR_OPTIONS_INVALID", `option ${option}: ${error.message}`, {
        input: text,
        backend: NAME,
        cause: error,
      });
    }
  };
  for (const cidr of options.podCIDRs ?? []) check("podCIDRs", cidr, parseCidr);
  for (const address of options.reserved ?? []) check("reserved", address, parseAddress);
  return new HostScopeIpam(options);
}

class HostScopeIpam implements Ipam {
  readonly name = NAME;
  readonly capabilities: IpamCapabilities = { families: [4, 6], requestedAddress: true };
  readonly events: TypedEmitter<IpamEvents> = new TypedEmitter<IpamEvents>(() => {});
  readonly #options: HostScopeOptions;
  #ranges: NodeRanges | undefined;

  constructor(options: HostScopeOptions) {
    this.#options = options;
  }

  async start({ node, podCIDRs, families, runtime }: IpamContext): Promise<void> {
    const { allowFirst = false, allowLast = false, reserved = [] } = this.#options;
    const ranges = new NodeRanges({
      backend: NAME,
      allowFirst,
      allowLast,
      random: () => runtime.random.next(),
      reserved: reserved.map((text) => ({ address: parseAddress(text), owner: "reserved" })),
    });
    const cidrs = (this.#options.podCIDRs ?? podCIDRs).map(parseCidr);
    for (const family of families) {
      if (!cidrs.some((cidr) => cidr.family === family)) throw noRange(node, family);
    }
    for (const cidr of cidrs) if (families.includes(cidr.family)) ranges.add(cidr, POOL);
    this.#ranges = ranges;
  }

  ranges(): readonly string[] {
    return this.#started().cidrs;
  }

  routers(): readonly string[] {
    return this.#started().routers;
  }

  async restore(leases: readonly RestoredLease[]): Promise<void> {
    this.#started().restore(leases);
  }

  async allocate(owner: string, options: AllocateOptions): Promise<Lease> {
    options.signal?.throwIfAborted();
    const ranges = this.#started();
    if (options.pool !== undefined && options.pool !== POOL) {
      throw new NetloomError("ERR_IPAM_NO_RANGE", `there is no pool ${options.pool}`, {
        input: options.pool,
        remedy: "host-scope IPAM has one pool, default",
        backend: NAME,
      });
    }
    try {
      return ranges.allocate(owner, options, POOL);
    } catch (error) {
      if (isNetloomError(error, "ERR_IPAM_EXHAUSTED")) {
        for (const range of ranges.status().ranges)
          if (range.free === 0) this.events.emit("range:exhausted", range);
      }
      throw error;
    }
  }

  async retire(lease: Lease): Promise<void> {
    this.#started().retire(lease);
  }

  async release(lease: Lease): Promise<void> {
    this.#started().release(lease);
  }

  status(): IpamStatus {
    return this.#ranges?.status() ?? { ranges: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.events.clear();
  }

  #started(): NodeRanges {
    if (this.#ranges !== undefined) return this.#ranges;
    throw new NetloomError("ERR_CLOSED", "the IPAM has not started", {
      remedy: "await start() first",
      backend: NAME,
    });
  }
}

function noRange(node: string, family: Family): NetloomError {
  return new NetloomError("ERR_IPAM_NO_RANGE", `node ${node} has no IPv${family} range`, {
    input: family,
    remedy:
      "assign one: `podCIDRs` of the node object (in Kubernetes, controller-manager with --allocate-node-cidrs) or of hostScope()",
    backend: NAME,
  });
}
