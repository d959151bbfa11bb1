import { parseCidr } from "@netloom/core";
import { expectedWhole } from "./fragmentation.ts";
import type { PlannerSubnet } from "./input.ts";
import { BLOCK_SIZE, RESERVED_ADDRESSES } from "./sizes.ts";

/** What there is not enough of. */
export type Refused = "pool-addresses" | "pool-blocks";

/** What is taken of a subnet. */
export interface Wants {
  readonly singles: number;
  readonly blocks: number;
}

/**
 * What a subnet has free, in numbers. Scattered, single addresses fall anywhere, and whole blocks are an expectation: each
 * free address is as likely as any other, so that a single breaks a block with a chance of 16 × whole ÷ free. Packed, they
 * fall where blocks are broken already, and a whole one is broken only when nothing else is left.
 */
export class SubnetLedger {
  readonly subnet: Required<PlannerSubnet>;
  readonly size: number;
  readonly #scattered: boolean;
  #free: number;
  #whole: number;
  /** Free addresses of the last block, which is broken from the beginning: packed, they come last. */
  #last = 0;
  #blocksTaken = 0;
  #singlesTaken = 0;

  constructor(subnet: Required<PlannerSubnet>, placement: "scattered" | "packed") {
    this.subnet = subnet;
    this.size = parseCidr(subnet.cidr).size;
    this.#scattered = placement === "scattered";
    const usable = this.size - RESERVED_ADDRESSES;
    const taken = Math.floor(usable * subnet.occupied);
    this.#free = usable - taken;
    this.#whole = expectedWhole(this.size, taken);
    if (!this.#scattered && taken === 0 && this.size > BLOCK_SIZE) this.#last = BLOCK_SIZE - 1;
  }

  get free(): number {
    return this.#free;
  }

  /** Whole blocks, the expected number of them. */
  get whole(): number {
    return this.#whole;
  }

  get blocksTaken(): number {
    return this.#blocksTaken;
  }

  get singlesTaken(): number {
    return this.#singlesTaken;
  }

  /** Singles first, for they may break a block; all, or none. @returns what there is not enough of. */
  take({ singles, blocks }: Wants): Refused | undefined {
    if (this.#free < singles) return "pool-addresses";
    const before = this.save();
    for (let taken = 0; taken < singles; taken++) this.#takeSingle();
    // An expectation is a sum of fractions.
    if (Math.floor(this.#whole + 1e-6) < blocks) {
      before();
      return "pool-blocks";
    }
    this.#whole = Math.max(0, this.#whole - blocks);
    this.#free -= blocks * BLOCK_SIZE;
    this.#blocksTaken += blocks;
    this.#singlesTaken += singles;
    return undefined;
  }

  /** @returns what puts it back to how it is now. */
  save(): () => void {
    const [free, whole, last, blocks, singles] = [
      this.#free,
      this.#whole,
      this.#last,
      this.#blocksTaken,
      this.#singlesTaken,
    ];
    return () => {
      this.#free = free;
      this.#whole = whole;
      this.#last = last;
      this.#blocksTaken = blocks;
      this.#singlesTaken = singles;
    };
  }

  #takeSingle(): void {
    if (this.#scattered) this.#whole -= (BLOCK_SIZE * this.#whole) / this.#free;
    else if (this.#free - BLOCK_SIZE * this.#whole <= this.#last) {
      if (this.#whole >= 1) this.#whole--;
      else this.#last = Math.max(0, this.#last - 1);
    }
    this.#free--;
  }
}
