import {
  cidrAround,
  compareAddresses,
  compareCidrs,
  formatCidr,
  type Address,
  type Cidr,
} from "../address/index.ts";

/** A prefix, and the number that its addresses have on this node. */
export interface NumberedPrefix {
  readonly cidr: Cidr;
  readonly id: number;
}

/** Prefixes in the order of their addresses, so that a question costs what it finds and not what there is. */
export class NumberedPrefixes {
  /** Wider ones first, where they begin alike. */
  readonly #sorted: readonly NumberedPrefix[];
  /** Made when somebody asks for what is around. */
  #byText: ReadonlyMap<string, NumberedPrefix> | undefined;

  constructor(prefixes: Iterable<NumberedPrefix>) {
    this.#sorted = [...prefixes].sort((a, b) => compareCidrs(a.cidr, b.cidr));
  }

  ofFamily(family?: 4 | 6): number[] {
    const found = this.#sorted.filter(({ cidr }) => family === undefined || cidr.family === family);
    return found.map(({ id }) => id);
  }

  /** Those that lie in a prefix and in none of the holes. */
  within(cidr: Cidr, holes: readonly Cidr[] = []): number[] {
    const ids: number[] = [];
    const { last } = cidr;
    for (let at = this.#firstFrom(cidr.first); at < this.#sorted.length; at++) {
      const { cidr: prefix, id } = this.#sorted[at]!;
      if (compareAddresses(prefix.first, last) > 0) break;
      // One that begins here may be wider.
      if (cidr.containsCidr(prefix) && !holes.some((hole) => hole.containsCidr(prefix))) ids.push(id);
    }
    return ids;
  }

  /** The longest one around a prefix, other than itself, of those that a test lets pass. */
  around(cidr: Cidr, passes: (prefix: Cidr) => boolean): number | undefined {
    this.#byText ??= new Map(this.#sorted.map((each) => [formatCidr(each.cidr), each]));
    for (let length = cidr.prefix - 1; length >= 0; length--) {
      const found = this.#byText.get(formatCidr(cidrAround(cidr.first, length)));
      if (found !== undefined && passes(found.cidr)) return found.id;
    }
    return undefined;
  }

  /** Where the first is that begins there or later. */
  #firstFrom(address: Address): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAddresses(this.#sorted[middle]!.cidr.first, address) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
