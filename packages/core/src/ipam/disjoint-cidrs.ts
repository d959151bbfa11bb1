import { type Cidr, compareCidrs } from "../address/index.ts";

export interface OwnedCidr {
  readonly cidr: Cidr;
  readonly owner: string;
}

/** Prefixes that do not overlap, in address order. */
export class DisjointCidrs {
  readonly #sorted: OwnedCidr[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  /** `entry.cidr` must overlap none of those that are there. */
  add(entry: OwnedCidr): void {
    this.#sorted.splice(this.#position(entry.cidr), 0, entry);
  }

  delete(cidr: Cidr): void {
    const at = this.#position(cidr);
    if (this.#sorted[at]?.cidr.equals(cidr) === true) this.#sorted.splice(at, 1);
  }

  /** One that shares an address with `cidr`, if there is any. */
  overlapping(cidr: Cidr): OwnedCidr | undefined {
    const at = this.#position(cidr);
    return [this.#sorted[at - 1], this.#sorted[at]].find((entry) => entry?.cidr.overlaps(cidr) === true);
  }

  /** All that share an address with `cidr`, in address order. */
  allOverlapping(cidr: Cidr): OwnedCidr[] {
    const result: OwnedCidr[] = [];
    const at = this.#position(cidr);
    for (let i = Math.max(at - 1, 0); i < this.#sorted.length; i++) {
      const entry = this.#sorted[i]!;
      if (entry.cidr.overlaps(cidr)) result.push(entry);
      else if (i >= at) break;
    }
    return result;
  }

  [Symbol.iterator](): Iterator<OwnedCidr> {
    return this.#sorted.values();
  }

  /** Of the first that does not sort before `cidr`. */
  #position(cidr: Cidr): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareCidrs(this.#sorted[middle]!.cidr, cidr) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
