import {
  NetloomError,
  NodeRanges,
  parseAddress,
  parseCidr,
  type AllocateOptions,
  type Clock,
  type Family,
  type IpamStatus,
  type Lease,
  type Random,
  type RangeStatus,
  type RestoredLease,
} from "@netloom/core";
import type { RangeUse } from "./planning.ts";

/** The only pool: of several, the cloud's own choose themselves. */
export const POOL = "default";
/** Where ranges are put that the cloud does not show: nobody is given an address of it. */
const LOST = "lost";

/** The ranges that the node has taken up, the leases in them, and since when each has had none. */
export class PodRanges {
  readonly #backend: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #idleSince = new Map<string, number>();
  /** By address. */
  readonly #leases = new Map<string, { readonly owner: string; readonly retired: boolean }>();
  #ranges: NodeRanges;
  #lost: ReadonlySet<string> = new Set();
  /** Milliseconds since 1970. */
  #restoredAt: number | undefined;

  constructor(backend: string, clock: Clock, random: Random) {
    this.#backend = backend;
    this.#clock = clock;
    this.#random = random;
    this.#ranges = this.#empty();
  }

  get cidrs(): readonly string[] {
    return this.#ranges.cidrs;
  }

  get routers(): readonly string[] {
    return this.#ranges.routers;
  }

  /** Those that the cloud does not show. */
  get lost(): readonly string[] {
    return [...this.#lost];
  }

  status(): IpamStatus {
    return { ranges: this.#ranges.status().ranges.map((range) => this.#statusOf(range)) };
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

  /** Takes away those of which nothing is used. Nothing, before it is known what is. @returns those that it could */
  withdraw(cidrs: readonly string[]): readonly string[] {
    if (this.#restoredAt === undefined) return [];
    const gone = cidrs.filter((cidr) => this.#ranges.remove(parseCidr(cidr)));
    for (const cidr of gone) this.#idleSince.delete(cidr);
    return gone;
  }

  /** These are all that the cloud does not show: who has an address of them keeps it, and nobody is given another. */
  lose(cidrs: readonly string[]): void {
    if (cidrs.length === this.#lost.size && cidrs.every((cidr) => this.#lost.has(cidr))) return;
    this.#lost = new Set(cidrs);
    const ranges = this.#empty();
    for (const cidr of this.#ranges.cidrs) ranges.add(parseCidr(cidr), this.#lost.has(cidr) ? LOST : POOL);
    ranges.restore(
      [...this.#leases].map(([address, lease]) => ({ ...lease, addresses: [address], pool: POOL })),
    );
    this.#ranges = ranges;
    this.#look();
  }

  restore(leases: readonly RestoredLease[]): void {
    this.#ranges.restore(leases);
    for (const { owner, addresses, retired } of leases)
      for (const address of addresses) this.#leases.set(address, { owner, retired });
    this.#restoredAt ??= this.#clock.now();
    this.#look();
  }

  allocate(owner: string, options: AllocateOptions): Lease {
    for (const address of options.addresses ?? []) this.#assertShown(address);
    const lease = this.#ranges.allocate(owner, options, POOL);
    for (const address of lease.addresses) this.#leases.set(address, { owner, retired: false });
    this.#look();
    return lease;
  }

  retire(lease: Lease): void {
    this.#ranges.retire(lease);
    for (const address of this.#own(lease)) this.#leases.set(address, { owner: lease.owner, retired: true });
  }

  release(lease: Lease): void {
    this.#ranges.release(lease);
    for (const address of this.#own(lease)) this.#leases.delete(address);
    this.#look();
  }

  /** Who has addresses of it, or had and is remembered. */
  owners(range: string): readonly string[] {
    const cidr = parseCidr(range);
    return [...this.#leases]
      .filter(([text]) => cidr.contains(parseAddress(text)))
      .map(([, { owner }]) => owner);
  }

  /** For a plan. Nothing is idle before it is known what an earlier life had handed out. */
  use(): ReadonlyMap<string, RangeUse> {
    return new Map(
      this.#ranges.status().ranges.map(({ range, capacity, free }) => {
        const idleSince = this.#restoredAt === undefined ? undefined : this.#idleSince.get(range);
        return [range, { used: capacity - free, ...(idleSince === undefined ? {} : { idleSince }) }];
      }),
    );
  }

  /** The same of what is not taken up, being of another family: a lease of it would not have been restored. */
  get useOfOthers(): RangeUse {
    return { used: 0, ...(this.#restoredAt === undefined ? {} : { idleSince: this.#restoredAt }) };
  }

  #look(): void {
    for (const { range, capacity, free } of this.#ranges.status().ranges) {
      if (free < capacity) this.#idleSince.delete(range);
      else if (!this.#idleSince.has(range)) this.#idleSince.set(range, this.#clock.now());
    }
  }

  #own({ owner, addresses }: Lease): readonly string[] {
    return addresses.filter((address) => this.#leases.get(address)?.owner === owner);
  }

  #statusOf(status: RangeStatus): RangeStatus {
    if (!this.#lost.has(status.range)) return status;
    const { free, quarantined } = status;
    return { ...status, pool: POOL, free: 0, quarantined: quarantined + free };
  }

  #assertShown(text: string): void {
    const address = parseAddress(text);
    const range = this.lost.find((cidr) => parseCidr(cidr).contains(address));
    if (range === undefined || this.#leases.has(text)) return;
    throw new NetloomError(
      "ERR_IPAM_OUT_OF_RANGE",
      `the cloud does not give ${range} to this node any more`,
      {
        input: text,
        remedy: `ask for an address of ${this.cidrs.filter((cidr) => cidr !== range).join(", ")}`,
        backend: this.#backend,
      },
    );
  }

  #empty(): NodeRanges {
    return new NodeRanges({
      backend: this.#backend,
      router: "first",
      // A cloud gives every address of a block to pods: the subnet has its first and last elsewhere.
      allowFirst: true,
      allowLast: true,
      random: () => this.#random.next(),
    });
  }
}
