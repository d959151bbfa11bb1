/** One way to a prefix. */
export interface KernelNextHop {
  /** Of either family: an IPv4 prefix may be behind an IPv6 router (RFC 8950). */
  readonly via: string;
  /** By name. Needed for link-local routers only: the kernel finds it for others. */
  readonly device?: string;
}

/** A prefix, and by which routers it is reached: several share the traffic. */
export interface KernelRoute {
  readonly prefix: string;
  /** Never empty. */
  readonly nextHops: readonly KernelNextHop[];
}

export type RouteWrite =
  /** Refused where the prefix has a route with this metric already, whoever made it. */
  | { readonly kind: "add"; readonly route: KernelRoute }
  /** In place of one of ours, in one step. */
  | { readonly kind: "replace"; readonly route: KernelRoute }
  /** One of ours; that it is not there is no refusal. */
  | { readonly kind: "remove"; readonly prefix: string };

export interface RouteRefusal {
  readonly write: RouteWrite;
  readonly error: unknown;
}

/** Where learned routes go. The real one is `kernelRouteTable()`. Never touches what another has made. */
export interface RouteTable extends AsyncDisposable {
  /** Routes of ours, also those of an earlier process. */
  list(): Promise<readonly KernelRoute[]>;
  /** In this order. What is refused changes nothing and keeps no other from being carried out. */
  write(writes: readonly RouteWrite[]): Promise<readonly RouteRefusal[]>;
}

interface Held {
  readonly key: string;
  /** By an earlier process, and not wanted by this one until now. */
  readonly stale: boolean;
}

/**
 * Keeps a table at what is wanted: writes differences only, one batch at a time. What an earlier process has left stays
 * in force until it is wanted, or {@link KernelRoutes.complete} says that it is not.
 */
export class KernelRoutes {
  readonly #table: RouteTable;
  readonly #wanted = new Map<string, KernelRoute>();
  readonly #held = new Map<string, Held>();
  readonly #dirty = new Set<string>();
  /** A write that failed may have been carried out. */
  readonly #unsure = new Set<string>();
  #writing: Promise<readonly RouteRefusal[]> | undefined;

  constructor(table: RouteTable) {
    this.#table = table;
  }

  /** What is wanted. */
  get size(): number {
    return this.#wanted.size;
  }

  /** What the table has of ours, as far as is known. */
  get installed(): number {
    return this.#held.size;
  }

  /** Takes over what is there. Before anything else. */
  async adopt(): Promise<number> {
    for (const route of await this.#table.list()) {
      this.#held.set(route.prefix, { key: keyOf(route), stale: true });
    }
    return this.#held.size;
  }

  /** The prefix is reached so, or (no next hops) not at all. Written by the next {@link KernelRoutes.flush}. */
  set(prefix: string, nextHops: readonly KernelNextHop[]): void {
    if (nextHops.length === 0) this.#wanted.delete(prefix);
    else this.#wanted.set(prefix, { prefix, nextHops });
    this.#dirty.add(prefix);
  }

  /** Everything has been learned again: the next flush removes what an earlier process left and nobody wants. */
  complete(): void {
    for (const [prefix, { stale }] of this.#held) if (stale) this.#dirty.add(prefix);
  }

  /** Nothing is wanted any more. */
  clear(): void {
    for (const prefix of this.#wanted.keys()) this.#dirty.add(prefix);
    this.#wanted.clear();
    this.complete();
  }

  /**
   * Writes what differs, and what comes in meanwhile. Resolves to what was refused: the next flush tries it again. Flushes
   * that meet share their work.
   */
  flush(): Promise<readonly RouteRefusal[]> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /**
   * Reads the table back: what was lost meanwhile, such as with a device that went down, is written by the next flush, and
   * what a failed write has left there is ours all the same.
   *
   * @returns how many the next flush has to mend
   */
  async audit(): Promise<number> {
    await this.#writing?.catch(() => undefined);
    const there = new Map((await this.#table.list()).map((route) => [route.prefix, keyOf(route)]));
    let differ = 0;
    for (const prefix of new Set([...this.#held.keys(), ...this.#unsure])) {
      const held = this.#held.get(prefix);
      const key = there.get(prefix);
      if (key === held?.key) continue;
      if (key === undefined) this.#held.delete(prefix);
      else this.#held.set(prefix, { key, stale: held?.stale ?? false });
      const wanted = this.#wanted.get(prefix);
      // What an earlier process left is not mended before somebody wants it.
      if (wanted === undefined ? held !== undefined : keyOf(wanted) === key) continue;
      this.#dirty.add(prefix);
      differ += 1;
    }
    this.#unsure.clear();
    return differ;
  }

  async #write(): Promise<readonly RouteRefusal[]> {
    const refusals = new Map<string, RouteRefusal>();
    try {
      while (this.#dirty.size > 0) {
        const prefixes = [...this.#dirty];
        this.#dirty.clear();
        for (const prefix of prefixes) refusals.delete(prefix);
        for (const refusal of await this.#writeAt(prefixes)) refusals.set(prefixOf(refusal.write), refusal);
      }
    } finally {
      for (const prefix of refusals.keys()) this.#dirty.add(prefix);
    }
    return [...refusals.values()];
  }

  async #writeAt(prefixes: readonly string[]): Promise<readonly RouteRefusal[]> {
    const writes = prefixes.flatMap((prefix) => this.#differenceAt(prefix));
    if (writes.length === 0) return [];
    try {
      const refusals = await this.#table.write(writes);
      const refused = new Set(refusals.map(({ write }) => write));
      for (const write of writes) if (!refused.has(write)) this.#wrote(write);
      return refusals;
    } catch (error) {
      // Nobody knows how far it came.
      for (const prefix of writes.map(prefixOf)) {
        this.#dirty.add(prefix);
        this.#unsure.add(prefix);
      }
      throw error;
    }
  }

  #differenceAt(prefix: string): readonly RouteWrite[] {
    const route = this.#wanted.get(prefix);
    const held = this.#held.get(prefix);
    if (route === undefined) return held === undefined ? [] : [{ kind: "remove", prefix }];
    if (held === undefined) return [{ kind: "add", route }];
    if (held.key !== keyOf(route)) return [{ kind: "replace", route }];
    this.#held.set(prefix, { ...held, stale: false });
    return [];
  }

  #wrote(write: RouteWrite): void {
    if (write.kind === "remove") this.#held.delete(write.prefix);
    else this.#held.set(write.route.prefix, { key: keyOf(write.route), stale: false });
  }
}

/** Those of ours, and closes the table. @throws the first that was refused; the others are gone. */
export async function removeAll(table: RouteTable): Promise<void> {
  try {
    const routes = new KernelRoutes(table);
    await routes.adopt();
    routes.clear();
    const [refusal] = await routes.flush();
    if (refusal !== undefined) throw refusal.error;
  } finally {
    await table[Symbol.asyncDispose]();
  }
}

export function prefixOf(write: RouteWrite): string {
  return write.kind === "remove" ? write.prefix : write.route.prefix;
}

/** Two with one key forward alike. */
function keyOf({ nextHops }: KernelRoute): string {
  return nextHops
    .map(({ via, device }) => (device === undefined ? via : `${via}%${device}`))
    .sort()
    .join(" ");
}
