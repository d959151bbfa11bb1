import { NetloomError, type Family, type Runtime } from "@netloom/core";
import { explain } from "./faults.ts";
import {
  faultOf,
  type CloudCall,
  type CloudNode,
  type CloudPool,
  type CloudProvider,
  type NodeInventory,
  type NodeLimits,
} from "./provider.ts";
import type { Throttles } from "./throttle.ts";

export interface CloudReaderOptions {
  readonly provider: CloudProvider;
  readonly node: CloudNode;
  readonly throttles: Throttles;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  /** In place of what the cloud says. */
  readonly limits: NodeLimits | undefined;
  readonly usable: (pool: CloudPool) => boolean;
  /** What a call is given. */
  readonly call: () => CloudCall;
  /** Something could not be read, and is gone on without. */
  readonly failed: (error: unknown) => void;
}

/** What one node can learn from the cloud. Rejects with errors that people can do something about. */
export class CloudReader {
  readonly #options: CloudReaderOptions;
  #limits: NodeLimits | undefined;
  #pools: readonly CloudPool[] | undefined;
  /** In monotonic milliseconds. */
  #poolsAt = -Infinity;
  #doubtful = false;

  constructor(options: CloudReaderOptions) {
    this.#options = options;
  }

  /** @throws {@link NetloomError} `ERR_CLOUD_GONE` where there is no such instance. */
  async node(): Promise<NodeInventory> {
    const { provider, node, call } = this.#options;
    const read = await this.#asking(() => provider.readNode(node, call()));
    if (read !== undefined) return read;
    const message = `the cloud knows no instance ${node.instance} (${node.name})`;
    throw new NetloomError("ERR_CLOUD_GONE", message, {
      input: node.instance,
      backend: provider.name,
      // One that has just started is not seen yet.
      retryable: true,
    });
  }

  /** Asked once. @throws {@link NetloomError} `ERR_UNSUPPORTED` where nobody knows. */
  async limits(): Promise<NodeLimits> {
    const { provider, node, limits, call } = this.#options;
    this.#limits ??= limits ?? (await this.#asking(() => provider.limits(node, call())));
    if (this.#limits !== undefined) return this.#limits;
    const type = node.instanceType ?? "of an unknown type";
    const message = `the cloud does not tell the limits of ${node.name} (${type})`;
    throw new NetloomError("ERR_UNSUPPORTED", message, {
      input: node.instanceType,
      remedy: "state them: limits: { interfaces: 4, slots: { 4: 15, 6: 15 } }",
      backend: provider.name,
    });
  }

  /** As of the last time that they were read. */
  async pools(): Promise<readonly CloudPool[]> {
    this.#pools ??= await this.#readPools();
    return this.#pools;
  }

  /** The same, without reading them; none before they were read. */
  get known(): readonly CloudPool[] {
    return this.#pools ?? [];
  }

  /** So many addresses were taken from a pool, or given back: what is known of it follows, until it is read again. */
  took(id: string, family: Family, count: number): void {
    this.#pools = this.#pools?.map((pool) => {
      const free = pool.freeAddresses?.[family];
      if (pool.id !== id || free === undefined) return pool;
      return { ...pool, freeAddresses: { ...pool.freeAddresses, [family]: Math.max(0, free - count) } };
    });
  }

  /** What is known of the pools is wrong: one of them refused what it should have had. */
  doubtPools(): void {
    this.#doubtful = true;
  }

  /**
   * Reads the pools again where they are in doubt. Where they cannot be read, what is known of them is gone on with.
   *
   * @returns those that have another number of free addresses
   */
  async recount(): Promise<ReadonlySet<string>> {
    if (!this.#doubtful) return new Set();
    const before = new Map(this.known.map((pool) => [pool.id, JSON.stringify(pool.freeAddresses)]));
    await this.#readAgain();
    const others = this.known.filter(
      ({ id, freeAddresses }) => before.get(id) !== JSON.stringify(freeAddresses),
    );
    return new Set(others.map(({ id }) => id));
  }

  /** Have the pools changed since they were read? Asked when they are older than so many milliseconds. */
  async havePoolsChanged(age: number): Promise<boolean> {
    if (this.#options.runtime.clock.monotonic() - this.#poolsAt < age) return false;
    const before = JSON.stringify(this.#pools);
    await this.#readAgain();
    return JSON.stringify(this.#pools) !== before;
  }

  /** Also a failure counts as a look: the next is not at once. */
  async #readAgain(): Promise<void> {
    this.#doubtful = false;
    this.#poolsAt = this.#options.runtime.clock.monotonic();
    try {
      this.#pools = await this.#readPools();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#options.failed(error);
    }
  }

  async #readPools(): Promise<readonly CloudPool[]> {
    const { provider, node, usable, runtime, call } = this.#options;
    const pools = await this.#asking(async () => {
      const found: CloudPool[] = [];
      for await (const pool of provider.pools(node, call())) found.push(pool);
      return found;
    });
    this.#poolsAt = runtime.clock.monotonic();
    this.#doubtful = false;
    return pools.filter(usable);
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    const { provider, node, signal, throttles } = this.#options;
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const fault = faultOf(provider, error);
      if (fault.kind === "throttled")
        throttles.refused(provider, node.name, fault.bucket, fault.retryAfter ?? 1000);
      throw explain(provider.name, node, fault, error);
    }
  }
}
