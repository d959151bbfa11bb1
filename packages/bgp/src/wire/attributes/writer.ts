import { EXPECTED_FLAGS, EXTENDED_LENGTH } from "./types.ts";

/** Writes attributes one behind the other: `begin`, what is in it, `end`. */
export class AttributeWriter {
  #buffer = new Uint8Array(1024);
  #at = 0;
  /** Of the attribute that is being written. */
  #start = 0;

  /** For another set of attributes. */
  reset(): void {
    this.#at = 0;
  }

  begin(type: number, flags: number = EXPECTED_FLAGS[type] as number): void {
    this.#reserve(3);
    this.#start = this.#at;
    this.#buffer[this.#at] = flags & ~EXTENDED_LENGTH;
    this.#buffer[this.#at + 1] = type;
    this.#at += 3;
  }

  /** @throws RangeError: more than 65535 bytes. */
  end(): void {
    const value = this.#start + 3;
    const length = this.#at - value;
    if (length > 0xffff)
      throw new RangeError(`attribute ${this.#buffer[this.#start + 1]} has ${length} bytes`);
    if (length <= 255) {
      this.#buffer[value - 1] = length;
      return;
    }
    this.#reserve(1);
    this.#buffer.copyWithin(value + 1, value, this.#at);
    this.#buffer[this.#start]! |= EXTENDED_LENGTH;
    this.#buffer[value - 1] = length >>> 8;
    this.#buffer[value] = length & 0xff;
    this.#at += 1;
  }

  uint8(value: number): void {
    check(value, 0xff);
    this.#reserve(1);
    this.#buffer[this.#at] = value;
    this.#at += 1;
  }

  uint16(value: number): void {
    check(value, 0xffff);
    this.#reserve(2);
    this.#buffer[this.#at] = value >>> 8;
    this.#buffer[this.#at + 1] = value & 0xff;
    this.#at += 2;
  }

  uint32(value: number): void {
    check(value, 0xffff_ffff);
    this.#reserve(4);
    this.#buffer[this.#at] = value >>> 24;
    this.#buffer[this.#at + 1] = (value >>> 16) & 0xff;
    this.#buffer[this.#at + 2] = (value >>> 8) & 0xff;
    this.#buffer[this.#at + 3] = value & 0xff;
    this.#at += 4;
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} does not fit 8 bytes`);
    this.uint32(Number(value >> 32n));
    this.uint32(Number(value & 0xffff_ffffn));
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** A copy of all that was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#at + count, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}

function check(value: number, maximum: number): void {
  if (!Number.isInteger(value) || value < 0 || value > maximum)
    throw new RangeError(`${value} is no whole number from 0 to ${maximum}`);
}
