import { NetloomError } from "../errors.ts";
import { Address, compareAddresses, formatAddress, type Family } from "./address.ts";
import { maskWord, placeBits, samePrefix, takeBits } from "./words.ts";

/**
 * An IP prefix: a first address whose host bits are zero, and how many leading bits count. Immutable.
 *
 * IPv6 prefixes contain IPv6 addresses only: `::/0` does not contain 10.0.0.1, although both are held as 128
 * bits. (A prefix of 80 to 95 bits around `::ffff:0:0/96` therefore ends in an address that reads as IPv4.)
 */
export class Cidr {
  readonly first: Address;
  /** Leading bits that count: 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefix: number;
  readonly family: Family;
  /** The prefix length over the 128-bit form, as LPM keys need it: 96 more than `prefix` for IPv4. */
  readonly bits128: number;

  /**
   * @throws {@link NetloomError} `ERR_CIDR_INVALID` when `prefix` is not an integer in the family's range, or
   *   `first` has host bits set; `cidrAround` clears them instead.
   */
  constructor(first: Address, prefix: number) {
    checkPrefix(first, prefix);
    const masked = mask(first, prefix);
    if (!masked.equals(first)) {
      throw new NetloomError("ERR_CIDR_INVALID", `${formatAddress(first)}/${prefix} has host bits set`, {
        input: `${formatAddress(first)}/${prefix}`,
        remedy: `write ${formatAddress(masked)}/${prefix}`,
      });
    }
    this.first = first;
    this.prefix = prefix;
    this.family = first.family;
    this.bits128 = bits128(first, prefix);
  }

  get last(): Address {
    const { first, bits128: bits } = this;
    const word = (value: number, index: number): number => value | ~maskWord(bits, index);
    return new Address(word(first.w0, 0), word(first.w1, 1), word(first.w2, 2), word(first.w3, 3));
  }

  /** How many addresses: a power of two, hence exact as a number up to the 2^128 of `::/0`. */
  get size(): number {
    return 2 ** (128 - this.bits128);
  }

  contains(address: Address): boolean {
    return address.family === this.family && samePrefix(this.first, address, this.bits128);
  }

  /** Is every address of `other` in this one? */
  containsCidr(other: Cidr): boolean {
    return other.prefix >= this.prefix && this.contains(other.first);
  }

  overlaps(other: Cidr): boolean {
    return this.containsCidr(other) || other.containsCidr(this);
  }

  equals(other: Cidr): boolean {
    return this.prefix === other.prefix && this.first.equals(other.first);
  }

  /**
   * How many prefixes of length `prefix` fit.
   *
   * @throws {@link NetloomError} `ERR_CIDR_INVALID` when `prefix` is shorter than this one's or out of range.
   */
  subnetCount(prefix: number): number {
    checkPrefix(this.first, prefix);
    if (prefix < this.prefix) {
      throw new NetloomError("ERR_CIDR_INVALID", `${formatCidr(this)} holds no /${prefix}`, {
        input: prefix,
        remedy: `ask for /${this.prefix} or longer`,
      });
    }
    return 2 ** (prefix - this.prefix);
  }

  /**
   * Subnet number `index` (from 0, in address order) of length `prefix`: number 2 of 10.0.0.0/8 at /24 is
   * 10.0.2.0/24.
   *
   * @throws {@link NetloomError} `ERR_CIDR_INVALID` when there is no such subnet, or `index` is above 2^53 - 1.
   */
  subnet(prefix: number, index: number): Cidr {
    const count = this.subnetCount(prefix);
    if (!Number.isSafeInteger(index) || index < 0 || index >= count) {
      throw new NetloomError(
        "ERR_CIDR_INVALID",
        `${formatCidr(this)} has no subnet number ${index} of length /${prefix}`,
        {
          input: index,
          remedy: `number them from 0 to ${Math.min(count - 1, Number.MAX_SAFE_INTEGER)}`,
        },
      );
    }
    const { w0, w1, w2, w3 } = placeBits(this.first, index, 128 - bits128(this.first, prefix));
    return new Cidr(new Address(w0, w1, w2, w3), prefix);
  }

  /**
   * The inverse of {@link Cidr.subnet}: the number of `inner` among the subnets of its length, or -1 when it is
   * not in here. The number is exact up to 53 bits between the two lengths.
   *
   * @throws {@link NetloomError} `ERR_CIDR_INVALID` when more than 53 bits lie between them.
   */
  subnetIndex(inner: Cidr): number {
    if (!this.containsCidr(inner)) return -1;
    const bits = inner.prefix - this.prefix;
    if (bits > 53) {
      throw new NetloomError(
        "ERR_CIDR_INVALID",
        `${formatCidr(inner)} in ${formatCidr(this)} has a number beyond 2^53`,
        {
          input: formatCidr(inner),
          remedy: "number subnets of an outer prefix at most 53 bits shorter",
        },
      );
    }
    return takeBits(inner.first, 128 - inner.bits128, bits);
  }

  /** The two halves in address order, or nothing for a single address. */
  halves(): readonly [low: Cidr, high: Cidr] | undefined {
    if (this.bits128 === 128) return undefined;
    return [this.subnet(this.prefix + 1, 0), this.subnet(this.prefix + 1, 1)];
  }

  /** `first/prefix`, the address as in RFC 5952. */
  toString(): string {
    return `${formatAddress(this.first)}/${this.prefix}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/**
 * The prefix of this length that `address` lies in: `cidrAround(10.1.2.3, 8)` is 10.0.0.0/8.
 *
 * @throws {@link NetloomError} `ERR_CIDR_INVALID` when `prefix` is out of the family's range.
 */
export function cidrAround(address: Address, prefix: number): Cidr {
  checkPrefix(address, prefix);
  return new Cidr(mask(address, prefix), prefix);
}

/** The prefix that holds just this address: /32 or /128. */
export function hostCidr(address: Address): Cidr {
  return new Cidr(address, address.family === 4 ? 32 : 128);
}

/** IPv4 before IPv6, then by first address, then the wider prefix before those it contains. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  return compareAddresses(a.first, b.first) || a.prefix - b.prefix;
}

/** The canonical text; the same as `cidr.toString()`. */
export function formatCidr(cidr: Cidr): string {
  return cidr.toString();
}

function bits128(address: Address, prefix: number): number {
  return address.family === 4 ? prefix + 96 : prefix;
}

function mask(address: Address, prefix: number): Address {
  const bits = bits128(address, prefix);
  return new Address(
    address.w0 & maskWord(bits, 0),
    address.w1 & maskWord(bits, 1),
    address.w2 & maskWord(bits, 2),
    address.w3 & maskWord(bits, 3),
  );
}

function checkPrefix(address: Address, prefix: number): void {
  const limit = address.family === 4 ? 32 : 128;
  if (Number.isInteger(prefix) && prefix >= 0 && prefix <= limit) return;
  throw new NetloomError("ERR_CIDR_INVALID", `/${prefix} is not a prefix length of IPv${address.family}`, {
    input: prefix,
    remedy: `use an integer from 0 to ${limit}`,
  });
}
