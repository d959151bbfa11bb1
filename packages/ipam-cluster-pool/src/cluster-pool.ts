import {
  isNetloomError,
  NetloomError,
  NodeRanges,
  TypedEmitter,
  type AbortOptions,
  type AllocateOptions,
  type Change,
  type Entry,
  type Family,
  type Ipam,
  type IpamCapabilities,
  type IpamContext,
  type IpamEvents,
  type IpamStatus,
  type Lease,
  type RestoredLease,
} from "@netloom/core";
import { follow, isRace, quietly } from "@netloom/core/backend";
import {
  CLAIMS,
  claimToJson,
  confirmations,
  NAME,
  readClaim,
  REQUESTS,
  requestToJson,
  type ClaimRecord,
} from "./records.ts";

export interface ClusterPoolOptions {
  /** Of which the node asks for blocks. @defaultValue "default" */
  readonly pool?: string;
  /** With fewer free addresses of a family the node asks for another block. @defaultValue 8 */
  readonly preAllocate?: number;
}

/**
 * The agent's half: asks the operator for blocks and hands out their addresses.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function clusterPool(options: ClusterPoolOptions = {}): Ipam {
  const { pool = "default", preAllocate = 8 } = options;
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(pool))
    throw invalid("pool", pool, "write lower-case letters, digits and '-'");
  if (!Number.isInteger(preAllocate) || preAllocate < 0)
    throw invalid("preAllocate", preAllocate, "write a whole number");
  return new ClusterPoolIpam(pool, preAllocate);
}

class ClusterPoolIpam implements Ipam {
  readonly name = NAME;
  readonly capabilities: IpamCapabilities = { families: [4, 6], requestedAddress: true };
  readonly events: TypedEmitter<IpamEvents> = new TypedEmitter<IpamEvents>(() => {});
  readonly #pool: string;
  readonly #preAllocate: number;
  readonly #closed = new AbortController();
  #context: IpamContext | undefined;
  #ranges: NodeRanges | undefined;
  #starting: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  /** Blocks asked for, by family. */
  readonly #asked = new Map<Family, number>();

  constructor(pool: string, preAllocate: number) {
    this.#pool = pool;
    this.#preAllocate = preAllocate;
  }

  /** Once it has begun, to start again is to wait for it; one that failed begins anew. */
  start(context: IpamContext, options: AbortOptions = {}): Promise<void> {
    this.#starting ??= this.#begin(context, options).catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #begin(context: IpamContext, options: AbortOptions): Promise<void> {
    this.#context = context;
    this.#ranges = new NodeRanges({ backend: NAME, random: () => context.runtime.random.next() });
    for (const family of context.families) this.#asked.set(family, 1);
    await this.#ask(true);
    await this.#served(options.signal);
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
    this.#closed.signal.throwIfAborted();
    const ranges = this.#started();
    if (options.pool !== undefined && options.pool !== this.#pool) {
      throw new NetloomError("ERR_IPAM_NO_RANGE", `this node has no ranges of pool ${options.pool}`, {
        input: options.pool,
        remedy: `it takes blocks of pool ${this.#pool}; start its agent with clusterPool({ pool: "${options.pool}" })`,
        backend: NAME,
      });
    }
    try {
      return ranges.allocate(owner, options, this.#pool);
    } catch (error) {
      if (isNetloomError(error, "ERR_IPAM_EXHAUSTED")) {
        for (const range of ranges.status().ranges) {
          const family = range.range.includes(":") ? 6 : 4;
          if (range.free === 0 && options.families.includes(family))
            this.events.emit("range:exhausted", range);
        }
      }
      throw error;
    } finally {
      this.#askForMore(options.families);
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
    this.#closed.abort(new NetloomError("ERR_CLOSED", "the IPAM was stopped", { backend: NAME }));
    await this.#following;
    this.events.clear();
  }

  /** Resolves when there is a block of every family; goes on following after that. */
  #served(signal?: AbortSignal): Promise<void> {
    const { store, prefix, runtime } = this.#context!;
    const end = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]);
    return new Promise((resolve, reject) => {
      if (end.aborted) return reject(end.reason);
      end.addEventListener("abort", () => reject(end.reason), { once: true });
      const looked = (): void => {
        if ([...this.#asked.keys()].every((family) => this.#blocksOf(family) > 0)) resolve();
      };
      this.#following = follow({
        store,
        runtime,
        signal: end,
        prefix: `${prefix}${CLAIMS}`,
        onList: async ({ entries }) => {
          // Oldest first, as they came: the node's own address is in the first.
          for (const entry of entries.toSorted((a, b) => a.created - b.created)) await this.#seen(entry);
          looked();
        },
        onBatch: async ({ changes }) => {
          for (const change of changes) await this.#changed(change);
          looked();
        },
        onError: () => undefined,
      });
    });
  }

  async #changed(change: Change): Promise<void> {
    if (change.type === "put") await this.#seen(change.entry);
  }

  /** A claim: if it is ours and new, it is confirmed before it is used. */
  async #seen(entry: Entry): Promise<void> {
    let claim: ClaimRecord;
    try {
      claim = readClaim(entry);
    } catch {
      return; // the operator reports it
    }
    const { node } = this.#context!;
    const ranges = this.#ranges!;
    if (claim.node !== node || claim.pool !== this.#pool || ranges.has(claim.cidr)) return;
    const asked = this.#asked.get(claim.cidr.family);
    if (asked === undefined) return;
    if (this.#blocksOf(claim.cidr.family) >= asked) return this.#decline(entry);
    if (!(await this.#confirm(entry, claim))) return;
    ranges.add(claim.cidr, this.#pool);
    this.events.emit("ranges:changed", ranges.cidrs);
  }

  /** Two operators have served one request: the second block goes back, unused. */
  async #decline(entry: Entry): Promise<void> {
    await quietly(this.#context!.store.delete(entry.key, { revision: entry.revision }));
  }

  /**
   * Rewrites the claim. An operator that believes the node gone deletes it only as it was before: one of the two fails.
   */
  async #confirm(entry: Entry, claim: ClaimRecord): Promise<boolean> {
    const { store } = this.#context!;
    try {
      await store.update(entry.key, claimToJson(claim, confirmations(entry) + 1), {
        revision: entry.revision,
      });
      return true;
    } catch (error) {
      // It has changed: the watch tells how.
      if (isRace(error)) return false;
      throw error;
    }
  }

  #askForMore(families: readonly Family[]): void {
    const ranges = this.#started();
    const short = families.filter(
      (family) =>
        ranges.free(family, this.#pool) < this.#preAllocate &&
        this.#asked.get(family) === this.#blocksOf(family),
    );
    if (short.length === 0) return;
    for (const family of short) this.#asked.set(family, this.#blocksOf(family) + 1);
    // Nobody waits for it; what cannot be written now is asked for again by the next allocation.
    this.#ask().catch(() => {
      for (const family of short) this.#asked.set(family, this.#blocksOf(family));
    });
  }

  /**
   * Writes how many blocks this node wants, never fewer than it has.
   *
   * @param again - also where it says so already: an operator that believes the node gone deletes only what it saw.
   */
  async #ask(again = false): Promise<void> {
    const { store, prefix, node } = this.#context!;
    const key = `${prefix}${REQUESTS}${node}`;
    for (;;) {
      const known = await store.get(key);
      const blocks: Partial<Record<Family, number>> = {};
      for (const [family, count] of this.#asked)
        blocks[family] = Math.max(count, this.#before(known, family));
      const value = requestToJson({ pool: this.#pool, blocks });
      try {
        if (known === undefined) await store.create(key, value);
        else if (again || JSON.stringify(known.value) !== JSON.stringify(value)) {
          await store.update(key, value, { revision: known.revision });
        }
        for (const family of this.#asked.keys()) this.#asked.set(family, blocks[family]!);
        return;
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  /** What a former life of this node asked for of the same pool. */
  #before(known: Entry | undefined, family: Family): number {
    const value = known?.value as
      | { readonly pool?: unknown; readonly blocks?: Record<string, unknown> }
      | undefined;
    const count = value?.pool === this.#pool ? value.blocks?.[`ipv${family}`] : undefined;
    return typeof count === "number" ? count : 0;
  }

  #blocksOf(family: Family): number {
    return this.#started().cidrs.filter((cidr) => cidr.includes(":") === (family === 6)).length;
  }

  #started(): NodeRanges {
    if (this.#ranges !== undefined) return this.#ranges;
    throw new NetloomError("ERR_CLOSED", "the IPAM has not started", {
      remedy: "await start() first",
      backend: NAME,
    });
  }
}

function invalid(option: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option} ${String(input)} is not acceptable`, {
    input,
    remedy,
    backend: NAME,
  });
}
