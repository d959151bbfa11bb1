import { type Cidr, type Family, cidrAround, formatCidr } from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import { DisjointCidrs, type OwnedCidr } from "./disjoint-cidrs.ts";
import { RotatingSpace } from "./free-space.ts";
import { checkOwner } from "./owner.ts";

/** An entry of a pool: a block of it, or an orphan, which is a claimed CIDR that is not one of its blocks. */
export interface BlockEntry extends OwnedCidr {
  readonly orphan: boolean;
}

/**
 * What became of a claim. `orphan`: the CIDR is not a block of the pool (outside it, or of another size), so it is
 * remembered, and what it overlaps is withheld. `conflict`: `cidr` of `owner` overlaps it, and nothing changed.
 */
export type ClaimOutcome =
  | { readonly outcome: "ok" }
  | { readonly outcome: "orphan" }
  | { readonly outcome: "conflict"; readonly cidr: Cidr; readonly owner: string };

/** Always: allocated + free + withheld = capacity. */
export interface BlockCounts {
  /** Blocks of the pool's own CIDRs. */
  readonly capacity: number;
  readonly allocated: number;
  readonly free: number;
  /** Blocks kept back because an orphan overlaps them. */
  readonly withheld: number;
  /** Orphans, inside and outside the pool. */
  readonly orphans: number;
}

/** The blocks of one of the pool's CIDRs. */
interface Part {
  readonly cidr: Cidr;
  readonly free: RotatingSpace;
  readonly owners: (string | undefined)[];
  allocated: number;
}

/** The widest spread between a pool CIDR and its blocks, as in Cilium: 65,536 blocks. */
const LARGEST_SPREAD = 16;

const OK: ClaimOutcome = { outcome: "ok" };
const ORPHAN: ClaimOutcome = { outcome: "orphan" };

/**
 * Carves blocks of one size out of CIDRs, for nodes to use as their pod ranges. CIDRs are only ever appended. No
 * two owners ever hold overlapping CIDRs, whatever was claimed and in whichever order.
 *
 * An owner may hold many blocks. Block by block the lowest free one is handed out; a block that was given back
 * waits until every other free one has been used.
 */
export class BlockPool {
  readonly family: Family;
  /** The prefix length of the blocks. */
  readonly blockPrefix: number;
  readonly #parts: Part[] = [];
  readonly #orphans = new DisjointCidrs();

  /**
   * @param blockPrefix such as 24, for a /24 to each node
   * @throws {@link NetloomError} as {@link append} does.
   */
  constructor(family: Family, blockPrefix: number, cidrs: Iterable<Cidr> = []) {
    const longest = family === 4 ? 32 : 128;
    if (!Number.isInteger(blockPrefix) || blockPrefix < 0 || blockPrefix > longest) {
      throw new NetloomError("ERR_POOL_INVALID", `/${blockPrefix} is not a block size of IPv${family}`, {
        input: blockPrefix,
        remedy: `use a prefix length from 0 to ${longest}`,
      });
    }
    this.family = family;
    this.blockPrefix = blockPrefix;
    for (const cidr of cidrs) this.append(cidr);
  }

  /** The pool's CIDRs, in the order they were appended. */
  get cidrs(): readonly Cidr[] {
    return this.#parts.map((part) => part.cidr);
  }

  /**
   * Adds a CIDR. Orphans that turn out to be blocks of it become ordinary ones.
   *
   * @throws {@link NetloomError} `ERR_POOL_OVERLAP` when it overlaps one of the pool's; `ERR_POOL_INVALID` when it is
   *   of the other family, smaller than a block, or more than 16 bits wider.
   */
  append(cidr: Cidr): void {
    this.#checkFits(cidr);
    const count = cidr.subnetCount(this.blockPrefix);
    const owners = Array.from<string | undefined>({ length: count });
    const part: Part = { cidr, free: new RotatingSpace(count), owners, allocated: 0 };
    this.#parts.push(part);
    for (const orphan of this.#orphans.allOverlapping(cidr)) {
      if (this.#isBlock(part, orphan.cidr)) {
        this.#orphans.delete(orphan.cidr);
        this.#give(part, part.cidr.subnetIndex(orphan.cidr), orphan.owner);
      } else {
        this.#forEachBlock(part, orphan.cidr, (index) => void part.free.claim(index));
      }
    }
  }

  /**
   * Hands out a block.
   *
   * @throws {@link NetloomError} `ERR_POOL_EXHAUSTED` with the counts of the pool, retryable.
   */
  allocate(owner: string): Cidr {
    checkOwner(owner);
    for (const part of this.#parts) {
      const index = part.free.take(0);
      if (index < 0) continue;
      this.#give(part, index, owner);
      return part.cidr.subnet(this.blockPrefix, index);
    }
    throw this.#exhausted();
  }

  /** Marks a CIDR as `owner`'s, as when an operator starts and reads what nodes hold. Claiming again is no error. */
  claim(cidr: Cidr, owner: string): ClaimOutcome {
    checkOwner(owner);
    const part = this.#parts.find((candidate) => this.#isBlock(candidate, cidr));
    if (part === undefined) return this.#claimOrphan(cidr, owner);
    const index = part.cidr.subnetIndex(cidr);
    const holder = part.owners[index];
    if (holder === owner) return OK;
    if (holder !== undefined) return { outcome: "conflict", cidr, owner: holder };
    if (!part.free.claim(index)) return conflictWith(this.#orphans.overlapping(cidr)!);
    this.#give(part, index, owner);
    return OK;
  }

  /**
   * Frees a block, or forgets an orphan, if it is exactly this owner's. Anything else changes nothing.
   *
   * @returns whether anything changed.
   */
  release(cidr: Cidr, owner: string): boolean {
    if (this.ownerOf(cidr) !== owner) return false;
    const part = this.#parts.find((candidate) => this.#isBlock(candidate, cidr));
    if (part === undefined) {
      this.#releaseOrphan(cidr);
      return true;
    }
    const index = part.cidr.subnetIndex(cidr);
    part.owners[index] = undefined;
    part.allocated--;
    part.free.release(index);
    return true;
  }

  /** Who holds exactly this CIDR, as a block or as an orphan. */
  ownerOf(cidr: Cidr): string | undefined {
    const part = this.#parts.find((candidate) => this.#isBlock(candidate, cidr));
    if (part !== undefined) return part.owners[part.cidr.subnetIndex(cidr)];
    const orphan = this.#orphans.overlapping(cidr);
    return orphan?.cidr.equals(cidr) === true ? orphan.owner : undefined;
  }

  /** Everything that is held: blocks in address order within each CIDR, then orphans. */
  *entries(): IterableIterator<BlockEntry> {
    for (const { cidr, owners } of this.#parts) {
      for (const [index, owner] of owners.entries()) {
        if (owner !== undefined) yield { cidr: cidr.subnet(this.blockPrefix, index), owner, orphan: false };
      }
    }
    for (const { cidr, owner } of this.#orphans) yield { cidr, owner, orphan: true };
  }

  status(): BlockCounts {
    let [capacity, allocated, free] = [0, 0, 0];
    for (const part of this.#parts) {
      capacity += part.cidr.subnetCount(this.blockPrefix);
      allocated += part.allocated;
      free += part.free.free;
    }
    return { capacity, allocated, free, withheld: capacity - allocated - free, orphans: this.#orphans.size };
  }

  #give(part: Part, index: number, owner: string): void {
    part.free.claim(index);
    part.owners[index] = owner;
    part.allocated++;
  }

  #claimOrphan(cidr: Cidr, owner: string): ClaimOutcome {
    const other = this.#orphans.overlapping(cidr) ?? this.#blockUnder(cidr);
    if (other !== undefined)
      return other.cidr.equals(cidr) && other.owner === owner ? ORPHAN : conflictWith(other);
    this.#orphans.add({ cidr, owner });
    for (const part of this.#parts) this.#forEachBlock(part, cidr, (index) => void part.free.claim(index));
    return ORPHAN;
  }

  #releaseOrphan(cidr: Cidr): void {
    this.#orphans.delete(cidr);
    for (const part of this.#parts) {
      this.#forEachBlock(part, cidr, (index) => {
        const block = part.cidr.subnet(this.blockPrefix, index);
        if (this.#orphans.overlapping(block) === undefined) part.free.release(index);
      });
    }
  }

  /** A block that somebody holds and that overlaps `cidr`. */
  #blockUnder(cidr: Cidr): OwnedCidr | undefined {
    let found: OwnedCidr | undefined;
    for (const part of this.#parts) {
      this.#forEachBlock(part, cidr, (index) => {
        const owner = part.owners[index];
        if (owner !== undefined) found ??= { cidr: part.cidr.subnet(this.blockPrefix, index), owner };
      });
    }
    return found;
  }

  /** The numbers of the blocks of `part` that overlap `cidr`. */
  #forEachBlock(part: Part, cidr: Cidr, visit: (index: number) => void): void {
    if (!part.cidr.overlaps(cidr)) return;
    const { blockPrefix } = this;
    let first = 0;
    let count = part.cidr.subnetCount(blockPrefix);
    if (cidr.prefix > part.cidr.prefix) {
      const whole = Math.min(cidr.prefix, blockPrefix);
      count = 2 ** (blockPrefix - whole);
      first = part.cidr.subnetIndex(cidrAround(cidr.first, whole)) * count;
    }
    for (let index = first; index < first + count; index++) visit(index);
  }

  #isBlock(part: Part, cidr: Cidr): boolean {
    return cidr.prefix === this.blockPrefix && part.cidr.containsCidr(cidr);
  }

  #checkFits(cidr: Cidr): void {
    const overlapped = this.#parts.find((part) => part.cidr.overlaps(cidr));
    if (overlapped !== undefined) {
      const text = `${formatCidr(cidr)} overlaps ${formatCidr(overlapped.cidr)} of the same pool`;
      throw new NetloomError("ERR_POOL_OVERLAP", text, {
        input: formatCidr(cidr),
        remedy: "append a CIDR that shares no address with the pool's",
      });
    }
    const spread = this.blockPrefix - cidr.prefix;
    if (cidr.family === this.family && spread >= 0 && spread <= LARGEST_SPREAD) return;
    throw new NetloomError(
      "ERR_POOL_INVALID",
      `${formatCidr(cidr)} cannot hold IPv${this.family} blocks of /${this.blockPrefix}`,
      {
        input: formatCidr(cidr),
        remedy: `append IPv${this.family} CIDRs from /${Math.max(this.blockPrefix - LARGEST_SPREAD, 0)} to /${this.blockPrefix}`,
      },
    );
  }

  #exhausted(): NetloomError {
    const { capacity, allocated, withheld } = this.status();
    const pool = this.cidrs.map(formatCidr).join(", ") || "an empty pool";
    const text = `no free /${this.blockPrefix} in ${pool} (${allocated} allocated, ${withheld} withheld of ${capacity})`;
    return new NetloomError("ERR_POOL_EXHAUSTED", text, {
      input: pool,
      remedy: "append a CIDR or release blocks",
      retryable: true,
    });
  }
}

function conflictWith({ cidr, owner }: OwnedCidr): ClaimOutcome {
  return { outcome: "conflict", cidr, owner };
}
