import {
  formatAddress,
  formatCidr,
  parseAddress,
  type Address,
  type Cidr,
  type Family,
} from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import type { AllocateOptions, IpamStatus, Lease, RangeStatus, RestoredLease } from "../ports/ipam.ts";
import { AddressRange, type AddressRangeOptions } from "./address-range.ts";
import { rangeText } from "./range-text.ts";

export interface NodeRangesOptions extends Pick<AddressRangeOptions, "allowFirst" | "allowLast" | "random"> {
  /** Named in errors, e.g. `host-scope`. */
  readonly backend: string;
  /** Never handed out, and why not. */
  readonly reserved?: readonly { readonly address: Address; readonly owner: string }[];
  /**
   * Which address of the first range of each family is the node's own. `first` also takes a range that is a single
   * address, as a cloud gives them; otherwise such a range is the pods'.
   * @defaultValue "second"
   */
  readonly router?: "first" | "second";
}

interface Range {
  readonly pool: string;
  readonly addresses: AddressRange;
}

/**
 * The ranges of one node, and the leases in them: the common half of every IPAM that hands out addresses on the node. The
 * first address of the first range of each family is the node's own, the gateway of its pods.
 *
 * A lease has one address of every family that was asked for, or there is none.
 */
export class NodeRanges {
  readonly #options: NodeRangesOptions;
  readonly #ranges: Range[] = [];
  readonly #routers = new Map<Family, Address>();

  constructor(options: NodeRangesOptions) {
    this.#options = options;
  }

  /** In the order in which they were added. */
  get cidrs(): readonly string[] {
    return this.#ranges.map(({ addresses }) => formatCidr(addresses.cidr));
  }

  get routers(): readonly string[] {
    return [...this.#routers.values()].map(formatAddress);
  }

  has(cidr: Cidr): boolean {
    return this.#ranges.some(({ addresses }) => addresses.cidr.equals(cidr));
  }

  /** @throws {@link NetloomError} `ERR_IPAM_CONFLICT` where it overlaps a range that is there. */
  add(cidr: Cidr, pool: string): void {
    const other = this.#ranges.find(({ addresses }) => addresses.cidr.overlaps(cidr));
    if (other !== undefined) {
      const message = `range ${formatCidr(cidr)} overlaps ${formatCidr(other.addresses.cidr)}`;
      throw this.#error("ERR_IPAM_CONFLICT", message, {
        input: formatCidr(cidr),
        remedy: "assign ranges that are apart",
      });
    }
    const reserved = [...(this.#options.reserved ?? [])];
    if (!this.#routers.has(cidr.family)) {
      const first = this.#options.router === "first";
      const router = cidr.size > 2 && !first ? cidr.first.offset(1) : cidr.first;
      if (cidr.size > 1 || first) {
        reserved.push({ address: router, owner: "router" });
        this.#routers.set(cidr.family, router);
      }
    }
    this.#ranges.push({ pool, addresses: new AddressRange(cidr, { ...this.#options, reserved }) });
  }

  /** Takes away a range of which nothing is in use: nothing allocated, reserved or quarantined. @returns whether it could. */
  remove(cidr: Cidr): boolean {
    const index = this.#ranges.findIndex(({ addresses }) => addresses.cidr.equals(cidr));
    if (index < 0) return false;
    const { capacity, free } = this.#ranges[index]!.addresses.status();
    if (free < capacity) return false;
    this.#ranges.splice(index, 1);
    return true;
  }

  /** All of them or none. @throws {@link NetloomError} `ERR_IPAM_FOREIGN`, `ERR_IPAM_CONFLICT`. */
  restore(leases: readonly RestoredLease[]): void {
    const undo: (() => void)[] = [];
    try {
      for (const { owner, addresses, retired } of leases) {
        for (const text of addresses) {
          const address = parseAddress(text);
          const range = this.#rangeOf(address)?.addresses;
          if (range === undefined) throw this.#foreign(text, owner);
          if (range.ownerOf(address) === undefined) undo.push(() => range.release(address, owner));
          range.claim(address, owner, retired ? "quarantined" : "allocated");
        }
      }
    } catch (error) {
      for (const step of undo) step();
      throw error;
    }
  }

  /** @throws {@link NetloomError} `ERR_IPAM_NO_RANGE`, `ERR_IPAM_EXHAUSTED`, `ERR_IPAM_CONFLICT`, `ERR_IPAM_OUT_OF_RANGE`. */
  allocate(owner: string, options: AllocateOptions, pool: string): Lease {
    const wanted = (options.addresses ?? []).map(parseAddress);
    const surplus = wanted.find(
      ({ family }, index) =>
        !options.families.includes(family) || wanted.findIndex((other) => other.family === family) !== index,
    );
    if (surplus !== undefined) {
      const message = `${formatAddress(surplus)} is one address too many, or of a family that was not asked for`;
      const remedy = `give one address for each of IPv${options.families.join(" and IPv")} at most`;
      throw this.#error("ERR_IPAM_CONFLICT", message, { input: options.addresses, remedy });
    }
    const taken: { readonly range: Range; readonly address: Address; readonly fresh: boolean }[] = [];
    try {
      for (const family of [...options.families].sort((a, b) => b - a)) {
        const held = this.#held(owner, family);
        const exact = wanted.find((address) => address.family === family);
        if (held !== undefined && (exact === undefined || exact.equals(held.address)))
          taken.push({ ...held, fresh: false });
        else taken.push({ ...this.#take(owner, family, exact, pool), fresh: true });
      }
    } catch (error) {
      for (const { range, address, fresh } of taken) if (fresh) range.addresses.release(address, owner);
      throw error;
    }
    return { owner, pool, addresses: taken.reverse().map(({ address }) => formatAddress(address)) };
  }

  retire(lease: Lease): void {
    for (const [range, address] of this.#addressesOf(lease)) range.addresses.retire(address, lease.owner);
  }

  release(lease: Lease): void {
    for (const [range, address] of this.#addressesOf(lease)) range.addresses.release(address, lease.owner);
  }

  /** Free addresses of a family in a pool. */
  free(family: Family, pool: string): number {
    return this.#of(family, pool).reduce((sum, { addresses }) => sum + addresses.status().free, 0);
  }

  status(): IpamStatus {
    return { ranges: this.#ranges.map(statusOf) };
  }

  #take(
    owner: string,
    family: Family,
    exact: Address | undefined,
    pool: string,
  ): { range: Range; address: Address } {
    const ranges = this.#of(family, pool);
    if (exact !== undefined) {
      const range = this.#rangeOf(exact);
      if (range !== undefined) return { range, address: range.addresses.claim(exact, owner) };
      const message = `${formatAddress(exact)} is in none of this node's ranges (${this.cidrs.join(", ")})`;
      throw this.#error("ERR_IPAM_OUT_OF_RANGE", message, {
        input: formatAddress(exact),
        remedy: "ask for one of these",
      });
    }
    const range = ranges.find(({ addresses }) => addresses.status().free > 0);
    if (range !== undefined) return { range, address: range.addresses.allocate(owner) };
    if (ranges.length === 0) {
      const message = `this node has no IPv${family} range in pool ${pool}`;
      throw this.#error("ERR_IPAM_NO_RANGE", message, {
        input: pool,
        remedy: "wait for one, or name another pool",
        retryable: true,
      });
    }
    const message = `no free IPv${family} address (${rangeText(ranges.map(statusOf))})`;
    throw this.#error("ERR_IPAM_EXHAUSTED", message, {
      input: pool,
      remedy: "delete endpoints, or give the node another range",
      retryable: true,
    });
  }

  #held(owner: string, family: Family): { range: Range; address: Address } | undefined {
    for (const range of this.#ranges) {
      const address = range.addresses.addressOf(owner);
      if (address?.family === family) return { range, address };
    }
    return undefined;
  }

  #addressesOf(lease: Lease): [Range, Address][] {
    return lease.addresses.flatMap((text) => {
      const address = parseAddress(text);
      const range = this.#rangeOf(address);
      return range === undefined ? [] : [[range, address] satisfies [Range, Address]];
    });
  }

  #of(family: Family, pool: string): Range[] {
    return this.#ranges.filter((range) => range.pool === pool && range.addresses.cidr.family === family);
  }

  #rangeOf(address: Address): Range | undefined {
    return this.#ranges.find(({ addresses }) => addresses.cidr.contains(address));
  }

  #foreign(address: string, owner: string): NetloomError {
    const message = `${owner} has ${address}, which is in none of this node's ${this.#ranges.length} ranges (${this.cidrs.join(", ")})`;
    const remedy = "give the node its former range back, or remove the endpoint";
    return this.#error("ERR_IPAM_FOREIGN", message, { input: address, remedy });
  }

  #error(
    code: string,
    message: string,
    options: ConstructorParameters<typeof NetloomError>[2],
  ): NetloomError {
    return new NetloomError(code, message, { ...options, backend: this.#options.backend });
  }
}

function statusOf({ pool, addresses }: Range): RangeStatus {
  return { range: formatCidr(addresses.cidr), pool, ...addresses.status() };
}
