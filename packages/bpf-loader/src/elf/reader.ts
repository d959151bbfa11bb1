import { BpfError } from "../errors.ts";

/** Names and source lines are shorter; without a limit a hostile file could make every name as long as itself. */
const MAX_TEXT = 16 * 1024;

const decoder = new TextDecoder();

/** The object file makes no sense. */
export function corrupt(object: string, reason: string): BpfError {
  return new BpfError("ERR_OBJECT_CORRUPT", `${object} is not a usable BPF object: ${reason}`, { object });
}

/** Little-endian reads that stay inside the bytes: whatever a file claims, the worst is `ERR_OBJECT_CORRUPT`. */
export class Reader {
  readonly object: string;
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(object: string, bytes: Uint8Array) {
    this.object = object;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  i32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getInt32(offset, true);
  }

  /** A 64-bit size or offset, which in a sane file is far below 2^53. */
  u64(offset: number): number {
    this.#check(offset, 8);
    const value = this.#view.getBigUint64(offset, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(this.object, `a size of ${value} bytes`);
    return Number(value);
  }

  /** A view of `length` bytes, not a copy. */
  slice(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.bytes.subarray(offset, offset + length);
  }

  /** The NUL-terminated text at `offset`. */
  text(offset: number): string {
    this.#check(offset, 1);
    const rest = this.bytes.subarray(offset, offset + MAX_TEXT);
    const end = rest.indexOf(0);
    if (end === -1) throw corrupt(this.object, "a name without an end");
    return decoder.decode(rest.subarray(0, end));
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.bytes.byteLength) {
      throw corrupt(this.object, `it refers to bytes ${offset}..${offset + length} of ${this.length}`);
    }
  }
}
