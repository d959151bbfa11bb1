import {
  NodeRanges,
  parseCidr,
  type AllocateOptions,
  type Clock,
  type Family,
  type IpamStatus,
  type Lease,
  type Random,
  type RestoredLease,
} from "@netloom/core";
import type { RangeUse } from "./plan.ts";

/** The only pool: of several, the cloud's own choose themselves. */
export const POOL = "default";

/** The ranges that the node has taken up, the leases in them, and since when each has had none. */
export class PodRanges {
  readonly #ranges: NodeRanges;
  readonly #clock: Clock;
  readonly #idleSince = new Map<string, number>();
  #restored = false;

  constructor(backend: string, clock: Clock, random: Random) {
    this.#clock = clock;
    this.#ranges = new NodeRanges({
      backend,
      router: "first",
      // A cloud gives every address of a block to pods: the subnet has its first and last elsewhere.
      allowFirst: true,
      allowLast: true,
      random: () => random.next(),
    });
  }

  get cidrs(): readonly string[] {
    return this.#ranges.cidrs;
  }

  get routers(): readonly string[] {
    return this.#ranges.routers;
  }

  status(): IpamStatus {
    return this.#ranges.status();
  }

  free(family: Family): number {
    return this.#ranges.free(family, POOL);
  }

  has(cidr: string): boolean {
    return this.#ranges.has(parseCidr(cidr));
  }

  add(cidr: string): void {
    this.#ranges.add(parseCidr(cidr), POOL);
    this.#look();
  }

  /** Takes away those of which nothing is used. @returns those that it could */
  withdraw(cidrs: readonly string[]): readonly string[] {
    const gone = cidrs.filter((cidr) => this.#ranges.remove(parseCidr(cidr)));
    for (const cidr of gone) this.#idleSince.delete(cidr);
    return gone;
  }

  restore(leases: readonly RestoredLease[]): void {
    this.#ranges.restore(leases);
    this.#restored = true;
    this.#look();
  }

  allocate(owner: string, options: AllocateOptions): Lease {
    const lease = this.#ranges.allocate(owner, options, POOL);
    this.#look();
    return lease;
  }

  retire(lease: Lease): void {
    this.#ranges.retire(lease);
  }

  release(lease: Lease): void {
    this.#ranges.release(lease);
    this.#look();
  }

  /** For a plan. Nothing is idle before it is known what an earlier life had handed out. */
  use(): ReadonlyMap<string, RangeUse> {
    return new Map(
      this.#ranges.status().ranges.map(({ range, capacity, free }) => {
        const idleSince = this.#restored ? this.#idleSince.get(range) : undefined;
        return [range, { used: capacity - free, ...(idleSince === undefined ? {} : { idleSince }) }];
      }),
    );
  }

  #look(): void {
    for (const { range, capacity, free } of this.#ranges.status().ranges) {
      if (free < capacity) this.#idleSince.delete(range);
      else if (!this.#idleSince.has(range)) this.#idleSince.set(range, this.#clock.now());
    }
  }
}
