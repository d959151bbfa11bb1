import {
  Backoff,
  formatCidr,
  isNetloomError,
  NetloomError,
  sleep,
  type BlockPool,
  type Change,
  type Entry,
  type Family,
  type OperatorComponent,
  type OperatorContext,
} from "@netloom/core";
import { follow, isRace, quietly } from "@netloom/core/backend";
import { appended, assertApart, blockPools, parsePools, type PoolDefinition } from "./pools.ts";
import {
  CLAIMS,
  claimToJson,
  NAME,
  POOLS,
  poolToJson,
  readClaim,
  readPool,
  readRequest,
  REQUESTS,
  type ClaimRecord,
  type PoolRecord,
  type RequestRecord,
} from "./records.ts";

export interface ClusterPoolOperatorOptions {
  readonly pools: readonly PoolDefinition[];
}

/**
 * The operator's half: gives blocks to the nodes that ask, and takes them back from nodes that are gone. Any number of
 * them may run: who has a block is decided by its claim key alone, which is created only if absent.
 *
 * @throws {@link NetloomError} `ERR_POOL_INVALID`, `ERR_POOL_OVERLAP`.
 */
export function clusterPoolOperator(options: ClusterPoolOperatorOptions): OperatorComponent {
  const pools = parsePools(options.pools);
  return { name: NAME, run: (context, signal) => new Server(context, pools).run(signal) };
}

/** Milliseconds until a failed taking back is tried again. */
const RETRY = 1000;

interface Known<T> {
  readonly entry: Entry;
  readonly record: T;
}

class Server {
  readonly #context: OperatorContext;
  readonly #defined: ReadonlyMap<string, PoolRecord>;
  readonly #prefix: string;
  readonly #requests = new Map<string, Known<RequestRecord>>();
  readonly #claims = new Map<string, Known<ClaimRecord>>();
  readonly #records = new Map<string, PoolRecord>();
  /** By pool and family; made anew from the claims, so only ever a hint. */
  readonly #blocks = new Map<string, ReadonlyMap<Family, BlockPool>>();
  /** Nodes whose blocks are being taken back. */
  readonly #leaving = new Set<string>();
  #due = false;
  #listed = false;
  /** The store as far as the watch has told. */
  #seen = 0;
  #wake: (() => void) | undefined;
  /** What was told last, so that it is not told at every change. */
  readonly #told = new Map<string, string>();

  constructor(context: OperatorContext, defined: ReadonlyMap<string, PoolRecord>) {
    this.#context = context;
    this.#defined = defined;
    this.#prefix = context.prefix(NAME);
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const [name, pool] of this.#defined) await this.#writePool(name, pool);
    const { store, runtime, report, watchNodes } = this.#context;
    const following = follow({
      store,
      runtime,
      signal,
      prefix: this.#prefix,
      // Nothing is given before every claim has been seen; a new list after a loss begins anew.
      onList: ({ entries, revision }) => {
        this.#seen = revision;
        for (const rows of [this.#requests, this.#claims, this.#records]) rows.clear();
        for (const entry of entries) this.#put(entry);
        this.#listed = true;
        this.#kick();
      },
      onBatch: ({ changes, revision }) => {
        this.#seen = revision;
        for (const change of changes) this.#apply(change);
        this.#kick();
      },
      onError: report,
    });
    const watching = watchNodes(() => this.#kick(), signal);
    signal.addEventListener("abort", () => this.#kick(), { once: true });
    await this.#serveForever(signal);
    await Promise.all([following, watching]);
  }

  /** Serves what is due, again and again; what fails is tried again after a while. */
  async #serveForever(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#context.runtime);
    while (!signal.aborted) {
      if (!this.#due || !this.#listed) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      this.#due = false;
      try {
        await this.#serve(signal);
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        this.#context.report(error);
        this.#due = true;
        await backoff.wait(signal).catch(() => undefined);
      }
    }
  }

  #kick(): void {
    this.#due = true;
    this.#wake?.();
  }

  /** Adds the operator's definition to what the store has. */
  async #writePool(name: string, wanted: PoolRecord): Promise<void> {
    const { store } = this.#context;
    for (;;) {
      const { entries } = await store.list(`${this.#prefix}${POOLS}`);
      const others = new Map(
        entries.map((entry) => [entry.key.slice(this.#prefix.length + POOLS.length), readPool(entry)]),
      );
      assertApart(name, wanted, others);
      const key = `${this.#prefix}${POOLS}${name}`;
      const known = entries.find((entry) => entry.key === key);
      try {
        if (known === undefined) await store.create(key, poolToJson(wanted));
        else {
          const next = poolToJson(appended(name, readPool(known), wanted));
          if (JSON.stringify(next) !== JSON.stringify(known.value)) {
            await store.update(key, next, { revision: known.revision });
          }
        }
        return;
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  #apply(change: Change): void {
    if (change.type === "put") return this.#put(change.entry);
    const rest = change.key.slice(this.#prefix.length);
    if (rest.startsWith(REQUESTS)) this.#requests.delete(rest.slice(REQUESTS.length));
    else if (rest.startsWith(CLAIMS)) this.#claims.delete(rest.slice(CLAIMS.length));
  }

  #put(entry: Entry): void {
    const rest = entry.key.slice(this.#prefix.length);
    try {
      if (rest.startsWith(POOLS)) this.#records.set(rest.slice(POOLS.length), readPool(entry));
      else if (rest.startsWith(REQUESTS)) {
        this.#requests.set(rest.slice(REQUESTS.length), { entry, record: readRequest(entry) });
      } else if (rest.startsWith(CLAIMS))
        this.#claims.set(rest.slice(CLAIMS.length), { entry, record: readClaim(entry) });
    } catch (error) {
      this.#context.report(error);
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    this.#rebuild();
    const registered = new Set(await this.#context.nodes());
    for (const [node, { record }] of this.#requests) {
      if (registered.has(node)) await this.#give(node, record);
      else void this.#takeBack(node, signal);
    }
    for (const { record } of this.#claims.values()) {
      if (!registered.has(record.node) && !this.#requests.has(record.node))
        void this.#takeBack(record.node, signal);
    }
  }

  /** The pools with every claim in its place. */
  #rebuild(): void {
    this.#blocks.clear();
    for (const [name, record] of this.#records) this.#blocks.set(name, blockPools(record));
    for (const { record } of this.#claims.values()) {
      const { cidr, node, pool } = record;
      // Also in pools it does not name: an address range has one owner, whatever it is called.
      for (const [name, families] of this.#blocks) {
        const blocks = families.get(cidr.family);
        const outcome = blocks?.claim(cidr, node);
        if (outcome?.outcome === "conflict") {
          const { capacity, allocated } = blocks!.status();
          const message = `${formatCidr(cidr)} of node ${node} overlaps ${formatCidr(outcome.cidr)} of node ${outcome.owner} (pool ${name}: ${allocated} of ${capacity} blocks)`;
          const remedy = "remove the node whose claim is wrong";
          this.#tell(
            `claim ${formatCidr(cidr)}`,
            new NetloomError("ERR_IPAM_FOREIGN", message, { input: formatCidr(cidr), remedy, backend: NAME }),
          );
        } else if (outcome?.outcome === "orphan" && pool === name) {
          const message = `${formatCidr(cidr)} of node ${node} is no block of pool ${name}; it stays the node's and is given to no other`;
          this.#tell(
            `claim ${formatCidr(cidr)}`,
            new NetloomError("ERR_IPAM_FOREIGN", message, { input: formatCidr(cidr), backend: NAME }),
          );
        }
      }
    }
  }

  async #give(node: string, { pool, blocks }: RequestRecord): Promise<void> {
    for (const family of [4, 6] as const) {
      const wanted = blocks[family] ?? 0;
      const has = [...this.#claims.values()].filter(
        ({ record }) => record.node === node && record.pool === pool && record.cidr.family === family,
      ).length;
      for (let missing = wanted - has; missing > 0; missing--) {
        try {
          await this.#claim(node, pool, family);
          this.#told.delete(`${node} ${family}`);
        } catch (error) {
          if (!isNetloomError(error) || !error.code.startsWith("ERR_POOL_")) throw error;
          this.#tell(`${node} ${family}`, error);
          break;
        }
      }
    }
  }

  async #claim(node: string, pool: string, family: Family): Promise<void> {
    const blocks = this.#blocks.get(pool)?.get(family);
    if (blocks === undefined) {
      const known = [...this.#blocks.keys()].join(", ");
      throw new NetloomError(
        "ERR_POOL_INVALID",
        `node ${node} wants IPv${family} of pool ${pool}, which has none`,
        {
          input: pool,
          remedy: `append an IPv${family} CIDR to it; known pools: ${known}`,
          backend: NAME,
        },
      );
    }
    for (;;) {
      // Throws where nothing is left.
      const cidr = blocks.allocate(node);
      const key = `${this.#prefix}${CLAIMS}${formatCidr(cidr)}`;
      try {
        const value = claimToJson({ node, pool }, 0);
        const revision = await this.#context.store.create(key, value);
        const entry = { key, value, created: revision, revision };
        // The watch may have told of it, and of what became of it, before this answer came.
        if (revision > this.#seen) {
          this.#claims.set(formatCidr(cidr), { entry, record: { cidr, node, pool } });
        }
        return;
      } catch (error) {
        // Another operator was first: the block is somebody's, and the watch will say whose.
        if (!isRace(error)) throw error;
      }
    }
  }

  /**
   * The node is gone, so its blocks are free once no datapath sends to it any more. A node that comes back meanwhile
   * confirms its claims, and what is deleted here is deleted only as it was before.
   */
  async #takeBack(node: string, signal: AbortSignal): Promise<void> {
    if (this.#leaving.has(node)) return;
    this.#leaving.add(node);
    const { store, settled, nodes, report } = this.#context;
    try {
      const request = this.#requests.get(node);
      const claims = [...this.#claims.values()].filter(({ record }) => record.node === node);
      await settled(signal);
      if ((await nodes()).includes(node)) {
        this.#leaving.delete(node);
        return this.#kick();
      }
      const entries = [
        ...(request === undefined ? [] : [request.entry]),
        ...claims.map(({ entry }) => entry),
      ];
      let changed = false;
      for (const { key, revision } of entries) {
        if ((await quietly(store.delete(key, { revision, signal }))) === undefined) changed = true;
      }
      this.#leaving.delete(node);
      // Something was not as it was seen: look again.
      if (changed) this.#kick();
    } catch (error) {
      if (signal.aborted) return;
      report(error);
      await sleep(this.#context.runtime.clock, RETRY, signal).catch(() => undefined);
      this.#leaving.delete(node);
      this.#kick();
    }
  }

  #tell(about: string, error: NetloomError): void {
    if (this.#told.get(about) === error.message) return;
    this.#told.set(about, error.message);
    this.#context.report(error);
  }
}
