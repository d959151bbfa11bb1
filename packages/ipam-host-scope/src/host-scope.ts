import {
  isNetloomError,
  NetloomError,
  NodeRanges,
  parseCidr,
  TypedEmitter,
  type AbortOptions,
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
import { parseOptions, type HostScopeConfig, type HostScopeOptions } from "./options.ts";

const NAME = "host-scope";
/** Everything is in one pool. */
const POOL = "default";

/**
 * Hands out the addresses of ranges that somebody else assigned to the node.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function hostScope(options: HostScopeOptions = {}): Ipam {
  return new HostScopeIpam(parseOptions(options));
}

class HostScopeIpam implements Ipam {
  readonly name = NAME;
  readonly capabilities: IpamCapabilities = { families: [4, 6], requestedAddress: true };
  readonly events: TypedEmitter<IpamEvents> = new TypedEmitter<IpamEvents>(() => {});
  readonly #config: HostScopeConfig;
  #ranges: NodeRanges | undefined;
  #closed = false;

  constructor(config: HostScopeConfig) {
    this.#config = config;
  }

  /**
   * @throws {@link NetloomError} `ERR_IPAM_NO_RANGE` where a family has none, `ERR_IPAM_CONFLICT` where two overlap,
   *   `ERR_CIDR_INVALID`.
   */
  async start(
    { node, podCIDRs, families, runtime }: IpamContext,
    { signal }: AbortOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    this.#assertOpen();
    if (this.#ranges !== undefined) return;
    const { reserved, allowFirst, allowLast } = this.#config;
    const ranges = new NodeRanges({
      backend: NAME,
      allowFirst,
      allowLast,
      random: () => runtime.random.next(),
      reserved: reserved.map((address) => ({ address, owner: "reserved" })),
    });
    const cidrs = this.#config.podCIDRs ?? podCIDRs.map(parseCidr);
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
    this.#assertOpen();
    this.#started().restore(leases);
  }

  async allocate(owner: string, options: AllocateOptions): Promise<Lease> {
    options.signal?.throwIfAborted();
    this.#assertOpen();
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
      if (isNetloomError(error, "ERR_IPAM_EXHAUSTED")) this.#tellExhausted(options.families);
      throw error;
    }
  }

  async retire(lease: Lease): Promise<void> {
    this.#ranges?.retire(lease);
  }

  async release(lease: Lease): Promise<void> {
    this.#ranges?.release(lease);
  }

  status(): IpamStatus {
    return this.#ranges?.status() ?? { ranges: [] };
  }

  /** Keeps nothing open, and nothing of it outlives the process: the agent remembers what was handed out. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.events.clear();
  }

  #tellExhausted(families: readonly Family[]): void {
    for (const range of this.status().ranges) {
      const family = range.range.includes(":") ? 6 : 4;
      if (range.free === 0 && families.includes(family)) this.events.emit("range:exhausted", range);
    }
  }

  #started(): NodeRanges {
    if (this.#ranges !== undefined) return this.#ranges;
    throw closed("the IPAM has not started", "await start() first");
  }

  #assertOpen(): void {
    if (this.#closed) throw closed("the IPAM was stopped", "create a new one");
  }
}

function closed(message: string, remedy: string): NetloomError {
  return new NetloomError("ERR_CLOSED", message, { remedy, backend: NAME });
}

function noRange(node: string, family: Family): NetloomError {
  return new NetloomError("ERR_IPAM_NO_RANGE", `node ${node} has no IPv${family} range`, {
    input: family,
    remedy:
      "assign one: `podCIDRs` of the node object (in Kubernetes, controller-manager with --allocate-node-cidrs) or of hostScope()",
    backend: NAME,
  });
}
