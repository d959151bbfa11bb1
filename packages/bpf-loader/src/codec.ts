/**
 * Turns values into the bytes of a map and back. `bpf2ts` generates these; the ones below cover scalars and bytes.
 * Bytes are little-endian unless the codec says otherwise, as BPF on every supported processor.
 */
export interface Codec<T> {
  /** Exact size in bytes. */
  readonly size: number;
  /**
   * Writes all `size` bytes at `offset`, padding as zero.
   *
   * @throws RangeError if the value does not fit.
   */
  encode(value: T, view: DataView, offset: number): void;
  /** Must not keep the view: its bytes change with the next call. */
  decode(view: DataView, offset: number): T;
  /** As `decode`, into an existing object, so that a hot loop allocates nothing. */
  decodeInto?(view: DataView, offset: number, target: T): void;
}

function integer(size: 1 | 2 | 4, signed: boolean, littleEndian = true): Codec<number> {
  const low = signed ? -(2 ** (size * 8 - 1)) : 0;
  const high = signed ? 2 ** (size * 8 - 1) - 1 : 2 ** (size * 8) - 1;
  const name = `${signed ? "Int" : "Uint"}${(size * 8) as 8 | 16 | 32}` as const;
  const getter = `get${name}` as const;
  const setter = `set${name}` as const;
  return {
    size,
    encode(value, view, offset): void {
      if (!Number.isInteger(value) || value < low || value > high) {
        throw new RangeError(`${value} is not an integer from ${low} to ${high}`);
      }
      view[setter](offset, value, littleEndian);
    },
    decode: (view, offset) => view[getter](offset, littleEndian),
  };
}

function bigInteger(signed: boolean, littleEndian = true): Codec<bigint> {
  const wrap = (value: bigint): bigint => (signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value));
  return {
    size: 8,
    encode(value, view, offset): void {
      if (typeof value !== "bigint") throw new TypeError(`${String(value)} is not a bigint`);
      if (wrap(value) !== value) throw new RangeError(`${value} does not fit 64 bits`);
      view.setBigUint64(offset, BigInt.asUintN(64, value), littleEndian);
    },
    decode: (view, offset) =>
      signed ? view.getBigInt64(offset, littleEndian) : view.getBigUint64(offset, littleEndian),
  };
}

export const u8: Codec<number> = integer(1, false);
export const u16: Codec<number> = integer(2, false);
export const u32: Codec<number> = integer(4, false);
export const u64: Codec<bigint> = bigInteger(false);
export const s8: Codec<number> = integer(1, true);
export const s16: Codec<number> = integer(2, true);
export const s32: Codec<number> = integer(4, true);
export const s64: Codec<bigint> = bigInteger(true);
/** Network byte order, `__be16`. */
export const be16: Codec<number> = integer(2, false, false);
/** Network byte order, `__be32`. */
export const be32: Codec<number> = integer(4, false, false);
/** Network byte order, `__be64`. */
export const be64: Codec<bigint> = bigInteger(false, false);

export const bool: Codec<boolean> = {
  size: 1,
  encode: (value, view, offset) => view.setUint8(offset, value ? 1 : 0),
  decode: (view, offset) => view.getUint8(offset) !== 0,
};

/** Raw bytes of one length. Decoding copies. */
export function bytes(size: number): Codec<Uint8Array> {
  const check = (value: Uint8Array): void => {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected ${size} bytes in a Uint8Array`);
    if (value.byteLength !== size) throw new RangeError(`expected ${size} bytes, got ${value.byteLength}`);
  };
  // For the few bytes of a key or an address a loop beats making a view on the buffer.
  const short = size <= 64;
  const decodeInto = (view: DataView, offset: number, target: Uint8Array): void => {
    check(target);
    if (short) for (let i = 0; i < size; i++) target[i] = view.getUint8(offset + i);
    else target.set(new Uint8Array(view.buffer, view.byteOffset + offset, size));
  };
  return {
    size,
    encode(value, view, offset): void {
      check(value);
      if (short) for (let i = 0; i < size; i++) view.setUint8(offset + i, value[i] ?? 0);
      else new Uint8Array(view.buffer, view.byteOffset + offset, size).set(value);
    },
    decode(view, offset): Uint8Array {
      const value = new Uint8Array(size);
      decodeInto(view, offset, value);
      return value;
    },
    decodeInto,
  };
}
