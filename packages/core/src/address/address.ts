import { NetloomError } from "../errors.ts";
import { formatWords } from "./format.ts";
import { addToWords, compareWords, hashWords } from "./words.ts";

export type Family = 4 | 6;

/**
 * One IP address: four unsigned 32-bit words, `w0` the most significant. IPv4 is kept in its IPv4-mapped form
 * `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), which is how map keys hold it too. The family therefore follows
 * from the words: every value in `::ffff:0:0/96` is an IPv4 address and every other one is IPv6.
 *
 * Immutable. Two addresses are the same address when {@link Address.equals} says so; they are not interned.
 */
export class Address {
  readonly family: Family;
  /** The words as signed integers, which is how they are kept: engines box unsigned ones above 2^31. */
  readonly s0: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;

  /** Each word is taken modulo 2^32. To read text use `parseAddress`. */
  constructor(w0: number, w1: number, w2: number, w3: number) {
    this.s0 = w0 | 0;
    this.s1 = w1 | 0;
    this.s2 = w2 | 0;
    this.s3 = w3 | 0;
    this.family = this.s0 === 0 && this.s1 === 0 && this.s2 === 0xffff ? 4 : 6;
  }

  /** The most significant word, from 0 to 2^32 - 1. */
  get w0(): number {
    return this.s0 >>> 0;
  }

  get w1(): number {
    return this.s1 >>> 0;
  }

  get w2(): number {
    return this.s2 >>> 0;
  }

  /** The least significant word: all there is to an IPv4 address. */
  get w3(): number {
    return this.s3 >>> 0;
  }

  equals(other: Address): boolean {
    return this.s3 === other.s3 && this.s2 === other.s2 && this.s1 === other.s1 && this.s0 === other.s0;
  }

  /** An unsigned 32-bit hash of the address: equal addresses hash alike, in every process. */
  hash(): number {
    return hashWords(this.s0, this.s1, this.s2, this.s3);
  }

  /**
   * The address `n` places further on, or back when `n` is negative.
   *
   * @param n a safe integer
   * @throws {@link NetloomError} `ERR_ADDRESS_INVALID` when the result would leave the family's space.
   */
  offset(n: number): Address {
    const sum = Number.isSafeInteger(n) ? addToWords(this, n) : undefined;
    const result = sum === undefined ? undefined : new Address(sum.w0, sum.w1, sum.w2, sum.w3);
    if (result === undefined || result.family !== this.family) {
      throw new NetloomError(
        "ERR_ADDRESS_INVALID",
        `${formatAddress(this)} offset by ${n} is not an IPv${this.family} address`,
        {
          input: n,
          remedy: "offset by an integer that stays within the family",
        },
      );
    }
    return result;
  }

  /** RFC 5952 text; see `formatAddress`. */
  toString(): string {
    return formatWords(this.w0, this.w1, this.w2, this.w3);
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The IPv4 address with this unsigned 32-bit value: `ipv4(0x0a000001)` is 10.0.0.1. */
export function ipv4(value: number): Address {
  return new Address(0, 0, 0xffff, value);
}

/** IPv4 before IPv6, then by value: an order for `sort`. */
export function compareAddresses(a: Address, b: Address): number {
  return a.family - b.family || compareWords(a, b);
}

/**
 * The canonical text: dotted decimal for IPv4, RFC 5952 section 4 for IPv6 (lower case, no leading zeros, the
 * longest run of two or more zero groups shortened, the first of equals). The mixed notation of section 5 is
 * not used: the only prefix it would serve here, IPv4-mapped, is IPv4.
 */
export function formatAddress(address: Address): string {
  return address.toString();
}

/** Writes 16 bytes in network order at `offset`. @throws RangeError when they do not fit. */
export function writeAddress(address: Address, view: DataView, offset: number): void {
  view.setInt32(offset + 12, address.s3);
  view.setInt32(offset + 8, address.s2);
  view.setInt32(offset + 4, address.s1);
  view.setInt32(offset, address.s0);
}

/** Reads what {@link writeAddress} wrote. @throws RangeError when fewer than 16 bytes are left. */
export function readAddress(view: DataView, offset: number): Address {
  return new Address(
    view.getUint32(offset),
    view.getUint32(offset + 4),
    view.getUint32(offset + 8),
    view.getUint32(offset + 12),
  );
}
